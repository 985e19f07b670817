/** Chunks by digest: read once by many, counted, and never given out damaged. */
import { expect, test } from 'vitest'
import type { Chunk } from '../../../../../image/estargz/read/reader.ts'
import type { DiskCache } from '../../../../../system/cache/disk-cache.ts'
import { createChunkStore } from '../../../../../tracer/mount/lazy/cache/chunk-store.ts'
import { contentNumber } from '../../../../system/cache/contents.ts'

function chunkNumber(number: number, changed: Partial<Chunk> = {}): Chunk {
  const { digest, content } = contentNumber(number)
  return { offset: 0, end: 100, innerOffset: 0, fileOffset: 0, size: content.length, digest, ...changed }
}

function stored() {
  const files = new Map<string, Buffer>()
  let reads = 0
  const disk: DiskCache = {
    has: (key) => files.has(key),
    async read(key) {
      reads++
      return files.get(key)
    },
    write: (key, bytes) => void files.set(key, bytes),
    remove: async (key) => void files.delete(key),
    room: async () => 0,
    settled: async () => {},
    close: async () => {},
  }
  let hits = 0
  const store = createChunkStore(disk, (bytes) => {
    hits += bytes
  })
  return { files, store, reads: () => reads, hits: () => hits }
}

test('what was put is there for chunks with that digest and size, wherever they are', async () => {
  const { store, hits } = stored()
  const { content } = contentNumber(1)
  store.put(chunkNumber(1), content)
  expect(store.has(chunkNumber(1, { offset: 999, fileOffset: 5 }))).toBe(true)
  expect(await store.get(chunkNumber(1))).toEqual(content)
  expect(hits()).toBe(content.length)
  expect(store.get(chunkNumber(1, { size: 10 }))).toBeUndefined()
  expect(store.get(chunkNumber(2))).toBeUndefined()
})

test('a chunk without a digest is neither kept nor looked for', () => {
  const { files, store } = stored()
  store.put(chunkNumber(1, { digest: undefined }), contentNumber(1).content)
  expect(files.size).toBe(0)
  expect(store.has(chunkNumber(1, { digest: undefined }))).toBe(false)
})

test('who asks at the same time shares one reading', async () => {
  const { store, reads } = stored()
  const { content } = contentNumber(1)
  store.put(chunkNumber(1), content)
  expect(await Promise.all([store.get(chunkNumber(1)), store.get(chunkNumber(1))])).toEqual([
    content,
    content,
  ])
  expect(reads()).toBe(1)
})

test.each<[string, (content: Buffer) => Buffer]>([
  ['changed', (content) => Buffer.from(content).fill(0, 5, 6)],
  ['cut short', (content) => content.subarray(1)],
])('a file that was %s is not given out, and removed', async (_, change) => {
  const { files, store, hits } = stored()
  const { key, content } = contentNumber(1)
  files.set(key, change(content))
  expect(await store.get(chunkNumber(1))).toBeUndefined()
  expect([files.size, hits()]).toEqual([0, 0])
})
