/** What the optimizer needs to know about a start. A trace (ours, or another tool's record) is converted to this form by the caller. */

export interface StartupFile {
  /** in text form, see `textOf` */
  readonly path: string
  /** bytes read: merged, ascending, half-open; empty where a record has none: then the whole file counts */
  readonly ranges: readonly (readonly [start: number, end: number])[]
  /** of the file when it was recorded */
  readonly size: number
  /** the first access came after the container was ready */
  readonly afterReady: boolean
  /** false: opened, or looked at, but not read */
  readonly read: boolean
  /** sha256 of the content when it is known: finds a file that moved */
  readonly digest?: string | undefined
}

/** Bytes of the start that were read, as far as the file is known. */
export function rangesOf(file: StartupFile, size: number): readonly (readonly [number, number])[] {
  return file.ranges.length > 0 ? file.ranges : [[0, size]]
}

/** How many of the file's chunks, cut at `chunkSize`, the ranges touch: ascending indices. */
export function touchedChunks(
  ranges: readonly (readonly [number, number])[],
  size: number,
  chunkSize: number,
): number[] {
  const touched: number[] = []
  let next = 0
  for (const [start, end] of ranges) {
    const last = Math.ceil(Math.min(end, size) / chunkSize)
    for (let index = Math.max(next, Math.floor(start / chunkSize)); index < last; index++) touched.push(index)
    next = Math.max(next, last)
  }
  return touched
}
