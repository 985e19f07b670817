/** Work on several things at once. */
import { expect, test } from 'vitest'
import { mapLimit } from '../../system/map-limit.ts'

test('one failure ends the others', async () => {
  const seen: number[] = []
  const work = mapLimit([1, 2, 3, 4], 2, new AbortController().signal, async (item, _, signal) => {
    seen.push(item)
    if (item === 1) throw new Error('one')
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  })
  await expect(work).rejects.toThrow('one')
  expect(seen).toEqual([1, 2])
})

test('results keep the order of their items, undefined ones too', async () => {
  const signal = new AbortController().signal
  const release: (() => void)[] = []
  const work = mapLimit([1, 2, 3], 3, signal, async (item) => {
    if (item === 1) await new Promise<void>((resolve) => release.push(resolve))
    if (item === 3) for (const resolve of release) resolve()
    return item === 2 ? undefined : item
  })
  expect(await work).toEqual([1, undefined, 3])
})

test('no more than the limit run at once', async () => {
  let running = 0
  let most = 0
  await mapLimit([1, 2, 3, 4, 5], 2, new AbortController().signal, async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
  })
  expect(most).toBe(2)
})

test('an abort from outside ends the work with its reason', async () => {
  const stop = new AbortController()
  const seen: number[] = []
  const work = mapLimit([1, 2], 1, stop.signal, async (item) => {
    seen.push(item)
    stop.abort(new Error('stopped'))
  })
  await expect(work).rejects.toThrow('stopped')
  expect(seen).toEqual([1])
})
