/**
 * How much of a recorded start an image still has, where it isn't the image that was recorded. Pure.
 *
 * A file weighs the bytes that were read of it before ready: those are what a start waits for. Files in layers that both images have are there
 * whatever the new image starts, so they say nothing of whether it still starts as the old one did: where anything else is left, that alone counts.
 */
import type { StartupFile } from './startup.ts'

/** What opening a file costs at least, however few bytes are read of it; a record without sizes counts files by it. */
const LEAST_WEIGHT = 4096
/** Where layers that both have hold all but this share of a start, that they are still there is what matters. */
const LEAST_EVIDENCE = 0.01

/** A file of the start, as it was looked for. */
export interface Sought {
  readonly file: StartupFile
  /** undefined: the image doesn't have it */
  readonly found: { readonly size: number; readonly isShared: boolean } | undefined
}

/** @returns 0 to 1; 1 for an empty start */
export function coverageOf(sought: readonly Sought[]): number {
  const counted = sought.some(({ file }) => isAwaited(file))
    ? sought.filter(({ file }) => isAwaited(file))
    : sought
  const weightOfAll = sumOf(counted, ({ file }) => weightOf(file))
  const telling = counted.filter(({ found }) => !found?.isShared)
  const weightOfTelling = sumOf(telling, ({ file }) => weightOf(file))
  const isEvidence = weightOfTelling > LEAST_EVIDENCE * weightOfAll
  const [judged, all] = isEvidence ? [telling, weightOfTelling] : [counted, weightOfAll]
  return all === 0 ? 1 : sumOf(judged, ({ file, found }) => (found ? weightOf(file, found.size) : 0)) / all
}

const isAwaited = ({ read, afterReady }: StartupFile): boolean => read && !afterReady

/** @param size that it has now: of a file that has shrunk, less is there */
function weightOf({ ranges, size: before }: StartupFile, size: number = Number.POSITIVE_INFINITY): number {
  const bytes =
    ranges.length === 0
      ? Math.min(before, size)
      : sumOf(ranges, ([start, end]) => Math.max(0, Math.min(end, size) - start))
  return Math.max(LEAST_WEIGHT, bytes)
}

const sumOf = <T>(values: readonly T[], of: (value: T) => number): number =>
  values.reduce((sum, value) => sum + of(value), 0)
