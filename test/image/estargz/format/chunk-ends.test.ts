/** Where chunks end: no reader fetches what isn't theirs, and none fetches without bound. */
import { expect, test } from 'vitest'
import { chunkEnds, MAX_TRAILING_BYTES } from '../../../../image/estargz/format/chunk-ends.ts'
import type { TocEntry } from '../../../../image/estargz/format/toc.ts'

const reg = (name: string, size: number, offset: number, more: Partial<TocEntry> = {}): TocEntry => ({
  name,
  type: 'reg',
  size,
  offset,
  ...more,
})
const chunk = (offset: number, chunkOffset: number, chunkSize: number): TocEntry => ({
  name: 'f',
  type: 'chunk',
  offset,
  chunkOffset,
  chunkSize,
})

/** Carriers of 74 bytes, 124 bytes, and one whose end isn't told; copies of them behind the chunks in place. */
const split: readonly TocEntry[] = [
  reg('f', 100, 1000, { chunkOffset: -1, chunkSize: 1 }),
  chunk(16, 0, 10),
  chunk(1074, 10, 40),
  chunk(116, 50, 10),
  chunk(266, 60, 10),
  chunk(2000, 70, 10),
  reg('g', 5, 3000),
]

test('copies of chunks ahead are no part of the chunk before them', () => {
  expect(chunkEnds(split, 9000).slice(1)).toEqual([90, 2000 - 124, 240, 1000, 3000, 9000])
})

test('copies that would take more than there is leave a byte', () => {
  const [, , first] = chunkEnds(
    split.map((entry) => (entry.offset === 2000 ? { ...entry, offset: 1100 } : entry)),
    9000,
  )
  expect(first).toBe(1075)
})

test('a carrier holds no more than it can, and a member no more than it may', () => {
  const far = [reg('f', 9, 1 << 30, { chunkOffset: -1, chunkSize: 1 }), chunk(16, 0, 9)]
  expect(chunkEnds(far, 2 ** 40)[1]).toBe(16 + 65_531)
  const [end = 0] = chunkEnds([reg('f', 1, 0)], 2 ** 40)
  expect(end).toBeGreaterThan(MAX_TRAILING_BYTES)
  expect(end).toBeLessThan(2 * MAX_TRAILING_BYTES)
})
