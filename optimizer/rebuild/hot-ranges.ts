/** From the plan's ranges, by path, to those of a layer's entries. Pure. */

import type { PlacedEntry } from '../../image/estargz/write/layer.ts'
import type { HotRanges } from '../../image/estargz/write/store.ts'
import type { LayerMoves } from '../plan/plan.ts'

/**
 * In the order of the plan, which is that of the first access.
 * @param rest the entries that don't move: of one that does, all of it is ahead
 */
export function hotRangesOf(rest: readonly PlacedEntry[], planned: LayerMoves['hot']): HotRanges {
  const files = new Map(
    rest.filter(({ type, size }) => type === 'reg' && size > 0).map((entry) => [entry.path, entry]),
  )
  return new Map(
    [...planned].flatMap(([path, ranges]) => {
      const entry = files.get(path)
      return entry ? [[entry, ranges] as const] : []
    }),
  )
}
