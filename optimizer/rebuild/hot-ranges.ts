/** From the plan's ranges, by path, to those of a layer's entries. Pure. */

import { isAnchorName } from '../../image/estargz/format/ahead.ts'
import type { PlacedEntry } from '../../image/estargz/write/layer.ts'
import type { HotRanges } from '../../image/estargz/write/store.ts'
import type { LayerMoves } from '../plan/plan.ts'

/**
 * In the order of the plan, which is that of the first access.
 * @param order `rest`, the entries that don't move, have ranges: of one that does, all of it is ahead
 * @returns none at all for a layer that has a file by the name of an anchor
 */
export function hotRangesOf(
  { zone, rest }: { readonly zone: readonly PlacedEntry[]; readonly rest: readonly PlacedEntry[] },
  planned: LayerMoves['hot'],
): HotRanges {
  if ([...zone, ...rest].some(({ path }) => isAnchorName(path))) return new Map()
  // Of entries with one path the last is what the path is.
  const last = new Map(rest.map((entry) => [entry.path, entry]))
  return new Map(
    [...planned].flatMap(([path, ranges]) => {
      const entry = last.get(path)
      return entry?.type === 'reg' && entry.size > 0 ? [[entry, ranges] as const] : []
    }),
  )
}
