/** How much of a zone is in memory at once: counted by what the cache was given and what was asked for. */
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { expect, test } from 'vitest'
import { LazyContent } from '../../../../tracer/mount/lazy/content.ts'
import { fetchOf, opened, writeInMemory } from '../../../image/estargz/in-memory.ts'
import { file, tarOf } from '../../../support/tar.ts'

const compress = promisify<Buffer, unknown>(deflate)
/** zlib's threads take their work in turns: what has begun before is done by then. */
const behindAllDecodings = () => compress(Buffer.alloc(1000))
const FILES = 40

async function zoneOf(count: number) {
  const files = Array.from({ length: count }, (_, index) => file(`f${index}`, randomBytes(20_000)))
  const zone = files.map((_, index) => `f${index}`)
  const layer = await writeInMemory(await tarOf(files), zone, { chunkSize: 1 << 20 })
  return { estargz: await opened(layer), fetch: fetchOf(layer.bytes) }
}

test('a few groups are decoded at a time, and the next once the cache has stored one', async () => {
  const layer = await zoneOf(FILES)
  const storing: (() => void)[] = []
  let [most, stored] = [0, 0]
  const cache = {
    get: () => undefined,
    put: () =>
      new Promise<void>((resolve) => {
        most = Math.max(most, storing.push(resolve))
        stored++
      }),
  }
  let isDone = false
  const prefetch = new LazyContent([layer], cache).prefetch([layer.fetch]).finally(() => {
    isDone = true
  })
  while (!isDone) {
    await behindAllDecodings()
    await setImmediate()
    for (const resolve of storing.splice(0)) resolve()
  }
  await prefetch
  expect(stored).toBe(FILES)
  expect(most).toBeLessThan(10)
})

test('zones of several layers are fetched as far as they fit into memory', async () => {
  const { estargz, fetch } = await zoneOf(1)
  const large = 200 << 20
  const entries = estargz.entries.map((entry) => ({
    ...entry,
    chunks: entry.chunks.map((chunk) => ({ ...chunk, end: large })),
  }))
  const layers = Array.from({ length: 5 }, () => ({
    estargz: { ...estargz, entries, zoneEnd: large },
    fetch,
  }))
  let [open, most, fetched] = [0, 0, 0]
  const counted: typeof fetch = async (range) => {
    most = Math.max(most, ++open)
    await setImmediate()
    open--
    fetched++
    return fetch(range)
  }
  const cache = { get: () => undefined, put: async () => {} }
  await new LazyContent(layers, cache).prefetch(layers.map(() => counted))
  expect([most, fetched]).toEqual([2, 5])
})
