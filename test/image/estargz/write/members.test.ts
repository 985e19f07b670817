/** Where gzip members begin and end. */
import { expect, test } from 'vitest'
import { cutMembers, MAX_GAP_BYTES, type Place } from '../../../../image/estargz/write/members.ts'

/** Entries one behind the other: 512 bytes of header each. */
function places(...sizes: number[]): Place[] {
  let at = 0
  return sizes.map((size) => {
    const start = at
    at += 512 + Math.ceil(size / 512) * 512
    return { start, content: start + 512, size, end: at }
  })
}
const cut = (entries: Place[], minChunkSize = 0) =>
  [
    ...cutMembers(entries, { chunkSizeOf: () => 1000, minChunkSize, isAlone: (place) => place.size === 1 }),
  ].map(({ ranges, chunks }) => [ranges.map(({ start, end }) => `${start}-${end}`).join(' '), chunks.length])

test('a member holds a chunk, or what stands between two', () => {
  expect(cut(places(0, 10, 2500, 0))).toEqual([
    ['0-1024', 0],
    ['1024-1034', 1],
    ['1034-2048', 0],
    ['2048-3048', 1],
    ['3048-4048', 1],
    ['4048-4548', 1],
    ['4548-5120', 0],
  ])
})

test('small files share one with minChunkSize, but never with a landmark', () => {
  expect(cut(places(10, 20, 1, 30, 40), 600)).toEqual([
    ['0-512', 0],
    ['512-1556', 2],
    ['1556-2560', 0],
    ['2560-2561', 1],
    ['2561-3584', 0],
    ['3584-4648', 2],
    ['4648-5120', 0],
  ])
})

test('entries in another order: a member’s ranges say so', () => {
  const [a, b] = places(10, 20)
  if (a === undefined || b === undefined) throw new Error('no places')
  expect(cut([b, a])).toEqual([
    ['1024-1536', 0],
    ['1536-1556', 1],
    ['1556-2048 0-512', 0],
    ['512-522', 1],
    ['522-1024', 0],
  ])
})

test('headers without end are cut into members that fit into memory', () => {
  const sizes = [
    ...cutMembers(places(...Array.from({ length: 5000 }, () => 0)), {
      chunkSizeOf: () => 1,
      minChunkSize: 0,
      isAlone: () => false,
    }),
  ].map(({ size }) => size)
  expect(Math.max(...sizes)).toBe(MAX_GAP_BYTES)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5000 * 512)
})
