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

type AnyRanges = readonly (readonly [start: number, end: number])[]

/** In any order: added as they stand, each one might be looked for from end to beginning. */
export function mergeRanges(...sets: readonly AnyRanges[]): Ranges {
  const merged: Ranges = []
  for (const [start, end] of sets.flat().sort(([one], [other]) => one - other)) addRange(merged, start, end)
  return merged
}

/** Whether a set holds any byte of [start, end). */
export function holdsAny(ranges: AnyRanges, start: number, end: number): boolean {
  let low = 0
  for (let high = ranges.length; low < high; ) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.[1] ?? 0) <= start) low = middle + 1
    else high = middle
  }
  return start < end && (ranges[low]?.[0] ?? end) < end
}

export const isMerged = (ranges: AnyRanges): boolean =>
  ranges.every(([start, end], at) => start < end && start > (ranges[at - 1]?.[1] ?? -1))

export const bytesIn = (ranges: readonly (readonly [number, number])[]): number =>
  ranges.reduce((sum, [start, end]) => sum + end - start, 0)
