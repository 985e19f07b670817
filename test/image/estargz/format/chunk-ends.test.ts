/** Where chunks end, and that none has a reader fetch without bound. */
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
const ends = (toc: readonly TocEntry[], tocOffset: number, from = 0) => chunkEnds(toc, { from, tocOffset })

test('a chunk ends where the next one begins that does not share its member', () => {
  const toc = [reg('a', 5, 100), reg('b', 5, 100, { innerOffset: 512 }), reg('empty', 0, 0), reg('c', 5, 300)]
  expect(ends(toc, 900)).toEqual({ ends: [300, 300, undefined, 900], start: 100 })
})

test('chains ahead are none of them', () => {
  expect(ends([reg('copy', 0, 16), reg('anchor', 1, 16), reg('a', 5, 100)], 900, 2)).toMatchObject({
    start: 100,
  })
})

test('out of order, or behind the data', () => {
  expect(() => ends([reg('a', 5, 300), reg('b', 5, 100)], 900)).toThrow(/after the data of the next entry/)
  expect(() => ends([reg('a', 5, 900)], 900)).toThrow(/the data ends at 900/)
})

test('a member holds no more than it may', () => {
  const [end = 0] = ends([reg('f', 1, 0)], 2 ** 40).ends
  expect(end).toBeGreaterThan(MAX_TRAILING_BYTES)
  expect(end).toBeLessThan(2 * MAX_TRAILING_BYTES)
})
