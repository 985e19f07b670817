/** Range sets against the plainest model: a set of byte numbers. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addRange,
  bytesIn,
  holdsAny,
  isMerged,
  mergeRanges,
  type Ranges,
} from '../../../tracer/mount/ranges.ts'

const range = fc
  .tuple(fc.nat(60), fc.nat(20))
  .map(([start, length]): [number, number] => [start, start + length])

test('a set of ranges holds the bytes added, sorted, disjoint and merged where they touch', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (added) => {
      const ranges: Ranges = []
      const model = new Set<number>()
      for (const [start, end] of added) {
        addRange(ranges, start, end)
        for (let byte = start; byte < end; byte++) model.add(byte)
      }
      const bytes = ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i))
      expect(bytes).toEqual([...model].sort((a, b) => a - b))
      expect(bytesIn(ranges)).toBe(model.size)
      ranges.slice(1).forEach(([start], index) => {
        expect(start).toBeGreaterThan(ranges[index]?.[1] ?? 0)
      })
      expect(mergeRanges(added)).toEqual(ranges)
      expect(isMerged(ranges)).toBe(true)
      expect(isMerged(added)).toBe(JSON.stringify(added) === JSON.stringify(ranges))
      for (const [start, end] of [...added, [70, 90] as const])
        for (const at of [start - 3, start, end - 1, end])
          expect(holdsAny(ranges, at, end)).toBe([...model].some((byte) => byte >= at && byte < end))
    }),
  )
})
