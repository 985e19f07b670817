/** The page's data: made from a trace and a measurement by `model/`, packed into the HTML, unpacked in the reader's browser. */

/** As in the measurement file, whose schema is not loaded in the browser; so are the names of the phases. */
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
  /** of the sample closest to the median: [ms, bytes so far] */
  readonly timeline: readonly (readonly [number, number])[]
  readonly fit: ArmFit
  /** median ms to ready on each of the page's links; null: not measured */
  readonly onLinks: readonly (number | null)[]
}

/** What a phase transfers, and the time it takes otherwise. */
export interface PhaseFit {
  readonly bytes: number
  readonly roundTrips: number
  /** the least time for a byte on any link: work that a slower link hides */
  readonly workMsPerByte: number
  /** ms that do not depend on the link: processors, disks, waiting programs */
  readonly localMs: number
}

export interface ArmFit {
  readonly phases: readonly PhaseFit[]
  /** legacy: the phase in which layers are fetched and unpacked in parallel, and those layers */
  readonly pipeline:
    | {
        readonly phase: number
        readonly layers: readonly { readonly bytes: number; readonly unpackMs: number }[]
      }
    | undefined
  /**
   * mean of |predicted − measured| / measured, with each link predicted from the others, or, if only one link was measured, each sample;
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

/** Columns of equal length, one row for each file. Times in ms, -1: never; layer -1: unknown. */
export interface FileColumns {
  /** sorted, each without the leading code units that it shares with the previous one, joined by NUL */
  readonly paths: string
  readonly shared: readonly number[]
  readonly layer: readonly number[]
  readonly size: readonly number[]
  /** bytes in the blob, in percent of the size: exact numbers would double the page */
  readonly packed: readonly number[]
  /** 1: in it; 2: only ranges, ahead of it */
  readonly zone: readonly number[]
  /** bytes of content in these ranges; 0: none, or not known */
  readonly ahead: readonly number[]
  readonly read: readonly number[]
  readonly openMs: readonly number[]
  readonly readMs: readonly number[]
}

export interface PageData {
  readonly arms: readonly PageArm[]
  /** that were measured; all but the first are used for the prediction only */
  readonly links: readonly PageLink[]
  readonly layers: readonly PageLayer[]
  readonly files: FileColumns
  /** files never read that the page does not list for lack of space, by folder */
  readonly unlisted: readonly (readonly [
    folder: string,
    layer: number,
    files: number,
    size: number,
    packed: number,
  ])[]
  /** false: it is unknown what was read */
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
