/** What differs between two traces: the same image after a change, or two ways to start it. Pure. */
import { bytesIn } from '../mount/ranges.ts'
import type { Trace, TraceFile } from './file.ts'

export interface TraceDifference {
  readonly path: string
  /** bytes read of it before ready; 0 where it wasn't touched */
  readonly before: number
  readonly after: number
}

export interface TraceDiff {
  /** only in the second, largest first */
  readonly added: readonly TraceDifference[]
  /** only in the first, largest first */
  readonly removed: readonly TraceDifference[]
  /** in both, with more bytes read in the second, largest growth first */
  readonly grown: readonly TraceDifference[]
  readonly shrunk: readonly TraceDifference[]
  readonly same: number
  /** bytes read before ready, in all */
  readonly bytes: { readonly before: number; readonly after: number }
  /** null where one of them never became ready */
  readonly readyMs: { readonly before: number | null; readonly after: number | null }
}

/** @param first what the second is compared with: traces of one image, or of two builds of it */
export function diffTraces(first: Trace, second: Trace): TraceDiff {
  const before = bytesByPath(first)
  const after = bytesByPath(second)
  const paths = new Set([...before.keys(), ...after.keys()])
  const all = [...paths].map((path) => ({ path, before: before.get(path) ?? 0, after: after.get(path) ?? 0 }))
  const both = all.filter(({ path }) => before.has(path) && after.has(path))
  const byChange = (a: TraceDifference, b: TraceDifference) =>
    Math.abs(b.after - b.before) - Math.abs(a.after - a.before) || (a.path < b.path ? -1 : 1)
  return {
    added: all.filter(({ path }) => !before.has(path)).sort(byChange),
    removed: all.filter(({ path }) => !after.has(path)).sort(byChange),
    grown: both.filter((one) => one.after > one.before).sort(byChange),
    shrunk: both.filter((one) => one.after < one.before).sort(byChange),
    same: both.filter((one) => one.after === one.before).length,
    bytes: { before: sum(before), after: sum(after) },
    readyMs: { before: first.run.ready.ms, after: second.run.ready.ms },
  }
}

const bytesByPath = ({ files }: Trace): Map<string, number> =>
  new Map(files.map((file) => [file.path, bytesBeforeReady(file)]))

export const bytesBeforeReady = (file: TraceFile): number => (file.afterReady ? 0 : bytesIn(file.ranges))

const sum = (bytes: ReadonlyMap<string, number>): number =>
  [...bytes.values()].reduce((total, one) => total + one, 0)
