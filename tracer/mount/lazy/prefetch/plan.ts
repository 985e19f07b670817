/** In which requests what is wanted of an image is fetched: in the order in which it is needed, neighbours in a blob together. Pure. */
import type { Group } from '../../../../image/estargz/read/groups.ts'
import type { Run } from '../runs.ts'

/** A group of chunks of a layer, which is counted from the base. */
export interface Wanted {
  readonly layer: number
  readonly group: Group
}

export interface PlannedRun extends Run {
  readonly layer: number
}

export interface PlanLimits {
  /** of the first requests, so that what is needed first is not behind what is needed later */
  readonly firstBytes: number
  /** as many as may be in flight are of one size; then it doubles, up to this */
  readonly mostBytes: number
  /** that nobody needs, between two groups of one request */
  readonly gapBytes: number
  /** requests in flight */
  readonly atOnce: number
}

/** The wanted groups of one layer, in the order of its blob. */
interface Row {
  readonly groups: readonly Group[]
  readonly places: ReadonlyMap<number, number>
  readonly taken: Uint8Array
}

/**
 * @param wanted what is needed first comes first; any may be named again
 * @returns each wanted group in one run, and nothing else; a run is larger than the limit only if it is a single group
 */
export function planRuns(wanted: readonly Wanted[], limits: PlanLimits): PlannedRun[] {
  const rows = rowsOf(wanted)
  const runs: PlannedRun[] = []
  for (const { layer, group } of wanted) {
    const row = rows.get(layer)
    const at = row?.places.get(group.offset)
    if (row === undefined || at === undefined || row.taken[at] === 1) continue
    const [first, last] = grown(row, at, {
      gapBytes: limits.gapBytes,
      mostBytes: sizeOf(runs.length, limits),
    })
    row.taken.fill(1, first, last + 1)
    const groups = row.groups.slice(first, last + 1)
    runs.push({ layer, groups, start: groups[0]?.offset ?? 0, end: groups.at(-1)?.end ?? 0 })
  }
  return runs
}

export const bytesOf = (runs: readonly Run[]): number =>
  runs.reduce((sum, { start, end }) => sum + end - start, 0)

function rowsOf(wanted: readonly Wanted[]): Map<number, Row> {
  const rows = new Map<number, Row>()
  for (const [layer, all] of Map.groupBy(wanted, (one) => one.layer)) {
    const byOffset = new Map(all.map(({ group }) => [group.offset, group]))
    const groups = [...byOffset.values()].sort((a, b) => a.offset - b.offset)
    const places = new Map(groups.map(({ offset }, place) => [offset, place]))
    rows.set(layer, { groups, places, taken: new Uint8Array(groups.length) })
  }
  return rows
}

/** Of the run with this number. */
const sizeOf = (run: number, { firstBytes, mostBytes, atOnce }: PlanLimits): number =>
  Math.min(mostBytes, firstBytes * 2 ** Math.min(30, Math.floor(run / atOnce)))

/** What follows comes along first, as it was written in the order of a start; then what stands before. @returns the first and last place */
function grown(
  { groups, taken }: Row,
  at: number,
  { gapBytes, mostBytes }: Pick<PlanLimits, 'gapBytes' | 'mostBytes'>,
): [first: number, last: number] {
  const mayJoin = (from: Group | undefined, to: Group | undefined, place: number): boolean => {
    if (from === undefined || to === undefined || taken[place] === 1) return false
    const gap = to.offset - from.end
    return gap >= 0 && gap <= gapBytes
  }
  let [first, last] = [at, at]
  const fits = (start: number, end: number): boolean =>
    (groups[end]?.end ?? 0) - (groups[start]?.offset ?? 0) <= mostBytes
  while (mayJoin(groups[last], groups[last + 1], last + 1) && fits(first, last + 1)) last++
  while (mayJoin(groups[first - 1], groups[first], first - 1) && fits(first - 1, last)) first--
  return [first, last]
}
