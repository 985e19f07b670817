/** What the page knows: made from a trace and a measurement by `model.ts`, packed into the HTML, unpacked in the reader's browser. */

/** As in the measurement file, whose schema has no place in a browser; as are the names of the phases. */
export type ArmKind = 'legacy' | 'lazy' | 'optimized' | 'other'

export interface PageArm {
  readonly id: string
  readonly label: string
  readonly kind: ArmKind
  /** ms to ready of each sample */
  readonly totals: readonly number[]
  readonly median: number
  readonly low: number
  readonly high: number
  /** medians in the order of `PHASE_NAMES`, ms */
  readonly phases: readonly number[]
  readonly bytes: number
  readonly requests: number
  /** of the sample nearest to the median: [ms, bytes so far] */
  readonly timeline: readonly (readonly [number, number])[]
  readonly fit: ArmFit
  /** medians of ms to ready in the order of the page's links; null where it was not measured there */
  readonly onLinks: readonly (number | null)[]
}

/** What one phase needs of the link, and what it takes besides. */
export interface PhaseFit {
  readonly bytes: number
  readonly roundTrips: number
  /** what a byte takes at least, however fast the link: work that a slower one hides */
  readonly workMsPerByte: number
  /** ms that no link changes: processors, disks, sleeping programs */
  readonly localMs: number
}

export interface ArmFit {
  readonly phases: readonly PhaseFit[]
  /** legacy: the phase whose layers are fetched and unpacked side by side, and those layers */
  readonly pipeline:
    | {
        readonly phase: number
        readonly layers: readonly { readonly bytes: number; readonly unpackMs: number }[]
      }
    | undefined
  /**
   * mean of |predicted − measured| / measured, each link predicted from the others, or each sample where only one link was measured;
   * undefined with fewer than two
   */
  readonly error: { readonly mean: number; readonly of: 'link' | 'sample' } | undefined
}

export interface PageLink {
  readonly name: string
  readonly bitsPerSecond: number | null
  readonly roundTripMs: number
}

export interface PageLayer {
  readonly digest: string
  readonly size: number
  readonly zoneBytes: number
  readonly tocBytes: number
}

/** Columns of equal length, one row a file. Times in ms, -1 for never; layer -1 when not known. */
export interface FileColumns {
  /** sorted, each with its number of leading code units shared with the one before cut off, joined by NUL */
  readonly paths: string
  readonly shared: readonly number[]
  readonly layer: readonly number[]
  readonly size: readonly number[]
  /** bytes in the blob, as percent of the size: exact numbers would double the page */
  readonly packed: readonly number[]
  readonly zone: readonly number[]
  readonly read: readonly number[]
  readonly openMs: readonly number[]
  readonly readMs: readonly number[]
}

export interface PageData {
  readonly arms: readonly PageArm[]
  /** that were measured; all but the first serve the prediction alone */
  readonly links: readonly PageLink[]
  readonly layers: readonly PageLayer[]
  readonly files: FileColumns
  /** never-read files that the page does not list, by name of their folder: too many for its size */
  readonly unlisted: readonly (readonly [
    folder: string,
    layer: number,
    files: number,
    size: number,
    packed: number,
  ])[]
  /** false: what was read is not known */
  readonly traced: boolean
  readonly readyMs: number | null
}

export const PHASE_NAMES = ['resolve', 'tocs', 'prefetch', 'create', 'ready'] as const

export const PHASE_LABELS = [
  'Resolve',
  'Tables of contents',
  'Layers or zone',
  'Create',
  'Start to ready',
] as const
