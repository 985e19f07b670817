/** A stream must be fast enough in each period, by a clock that the test sets. */
import { afterEach, expect, test, vi } from 'vitest'
import { Pace } from '../../../image/registry/pace.ts'

const clock = vi.hoisted(() => ({ ms: 0 }))
vi.mock(import('../../../system/clock.ts'), async (original) => ({
  ...(await original()),
  monotonicMs: () => clock.ms,
}))

afterEach(() => {
  clock.ms = 0
})

/** Pieces of so many bytes, each after a second. */
async function* perSecond(...sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (const size of sizes) {
    clock.ms += 1000
    yield Buffer.alloc(size)
  }
}

const total = async (pace: Pace, ...sizes: readonly number[]): Promise<number> => {
  let bytes = 0
  for await (const piece of pace.keep(perSecond(...sizes))) bytes += piece.length
  return bytes
}

test('1 KiB a second is enough, a byte less is not', async () => {
  expect(await total(new Pace('the blob', 2000), 1024, 1024, 2048, 0)).toBe(4096)
  await expect(total(new Pace('the blob', 2000), 1024, 1023)).rejects.toThrow(
    'the blob arrives too slowly: 2047 bytes in 2.0 s',
  )
})

test('what came in an earlier period does not help a later one', async () => {
  await expect(total(new Pace('the blob', 2000), 1 << 20, 1 << 20, 0, 0)).rejects.toThrow(/0 bytes in 2.0 s/)
})

test('a stream that goes on in another is one', async () => {
  const pace = new Pace('the blob', 2000)
  expect(await total(pace, 10)).toBe(10)
  await expect(total(pace, 10)).rejects.toThrow(/20 bytes in 2.0 s/)
})

test('the time its reader takes is not counted', async () => {
  for await (const _ of new Pace('the blob', 2000).keep(perSecond(1024, 1024, 1024))) clock.ms += 60_000
  expect(clock.ms).toBe(183_000)
})
