/** Sets of byte ranges: sorted, disjoint, half-open [start, end). */

export type Ranges = [start: number, end: number][]

/** Adds [start, end) in place, merging what it touches. Reads are mostly sequential, so the search starts at the end. */
export function addRange(ranges: Ranges, start: number, end: number): void {
  if (end <= start) return
  let first = ranges.length
  while (first > 0 && (ranges[first - 1]?.[1] ?? 0) >= start) first--
  let last = first
  let low = start
  let high = end
  for (; last < ranges.length; last++) {
    const range = ranges[last]
    if (!range || range[0] > end) break
    low = Math.min(low, range[0])
    high = Math.max(high, range[1])
  }
  ranges.splice(first, last - first, [low, high])
}

export function mergeRanges(...sets: readonly (readonly (readonly [number, number])[])[]): Ranges {
  const merged: Ranges = []
  for (const set of sets) for (const [start, end] of set) addRange(merged, start, end)
  return merged
}

export const bytesIn = (ranges: readonly (readonly [number, number])[]): number =>
  ranges.reduce((sum, [start, end]) => sum + end - start, 0)
