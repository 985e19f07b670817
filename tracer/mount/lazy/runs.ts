/** Which groups of chunks one request fetches. Pure. */
import type { Group } from '../../../image/estargz/read/groups.ts'

/** Groups that one request fetches. */
export interface Run {
  readonly start: number
  readonly end: number
  /** ascending; between them there may be bytes that nobody needs */
  readonly groups: readonly Group[]
}

/**
 * @param groups ascending
 * @param maxBytes a run ends before it grows larger, unless one group is
 * @returns runs of groups that adjoin
 */
export function mergeRuns(groups: readonly Group[], maxBytes: number): Run[] {
  const runs: { start: number; end: number; groups: Group[] }[] = []
  for (const group of groups) {
    const last = runs.at(-1)
    if (last && group.offset === last.end && group.end - last.start <= maxBytes) {
      last.end = group.end
      last.groups.push(group)
    } else runs.push({ start: group.offset, end: group.end, groups: [group] })
  }
  return runs
}

/** Where to cut a run's bytes so that each group is a piece of its own: counted from the run's start. */
export function edgesOf({ start, groups }: Run): number[] {
  const edges: number[] = []
  for (const { offset, end } of groups) {
    if (offset - start > (edges.at(-1) ?? 0)) edges.push(offset - start)
    edges.push(end - start)
  }
  return edges
}
