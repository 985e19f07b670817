/** What a watched blob reports, and that it still gives the blob's bytes. */
import { expect, test } from 'vitest'
import { bytesBlob } from '../../image/blob.ts'
import { digestOf } from '../../image/digest.ts'
import { type Progress, watchBlob } from '../../image/progress.ts'

const bytes = Buffer.from('0123456789')
const blob = bytesBlob({ mediaType: 'x', digest: digestOf(bytes), size: bytes.length }, bytes)

const read = async (watched: typeof blob, range?: { start: number; end: number }): Promise<string> =>
  Buffer.concat(await (await watched.open(range)).toArray()).toString()

test('bytes that are read again, or lie before those that were read, count once', async () => {
  const told: Progress[] = []
  const watched = watchBlob(blob, (progress) => told.push(progress))
  expect(await read(watched, { start: 0, end: 4 })).toBe('0123')
  expect(await read(watched, { start: 2, end: 4 })).toBe('23')
  expect(await read(watched)).toBe('0123456789')
  expect(told.map(({ kind, done, total }) => [kind, done, total])).toEqual([
    ['bytes', 4, 10],
    ['bytes', 10, 10],
  ])
})

test('a blob that nobody watches is the blob itself', () => {
  expect(watchBlob(blob, undefined)).toBe(blob)
})
