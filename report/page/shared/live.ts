/** What the live page needs to know of a fleet: its server's answers, as JSON. Whoever serves it declares the same. */

export const STATES = ['failed', 'running', 'waiting', 'done'] as const
export type LiveState = (typeof STATES)[number]

export interface LiveRow {
  /** `registry/repository:tag` */
  readonly source: string
  readonly target: string
  readonly state: LiveState
  readonly kind: 'record' | 'rebuild'
  /** its ID */
  readonly job: string
  readonly attempts: number
  /** ms since 1970: when the job was added, begun or over */
  readonly at: number
  readonly error?: string
  /** of the last rebuild that was done */
  readonly result?: {
    readonly bytes?: { readonly before: number; readonly after: number } | undefined
    readonly start?:
      | {
          readonly bytes: number
          readonly fullBytes: number
          readonly ms: number
          readonly fullMs: number
        }
      | undefined
    readonly profiles: readonly { readonly name: string; readonly recordedAt?: string | undefined }[]
    readonly coverage?: number | undefined
  }
}

/** The answer to `api/fleet`. */
export interface LiveFleet {
  readonly counts: Readonly<Record<'record' | 'rebuild', Readonly<Record<LiveState, number>>>>
  /** one for each target */
  readonly rows: readonly LiveRow[]
  /** ms since 1970: when the registries were looked at last */
  readonly polledAt?: number
  /** why that failed */
  readonly pollError?: string
}

/** The answer to `api/jobs/ID`. */
export interface LiveJob {
  readonly error?: string
  readonly log: readonly string[]
  /** that repeat it by hand */
  readonly commands: readonly string[]
}

/** The registry that all have, with its slash: it needn't be repeated in every row. */
export function commonRegistry(sources: readonly string[]): string {
  const first = /^[^/]*\//.exec(sources[0] ?? '')?.[0] ?? ''
  return sources.every((source) => source.startsWith(first)) ? first : ''
}

/** How many times faster a start is. */
export const gainOf = ({ result }: Pick<LiveRow, 'result'>): number | undefined =>
  result?.start && result.start.ms > 0 ? result.start.fullMs / result.start.ms : undefined

/** When the oldest of its profiles was recorded, in ms since 1970. */
export function recordedAt({ result }: Pick<LiveRow, 'result'>): number | undefined {
  const times = (result?.profiles ?? []).map((profile) => Date.parse(profile.recordedAt ?? ''))
  const known = times.filter(Number.isFinite)
  return known.length === 0 ? undefined : Math.min(...known)
}

export interface Totals {
  readonly images: number
  readonly byState: Readonly<Record<LiveState, number>>
  /** the middle one of all gains */
  readonly gain: number | undefined
  /** of one start of every image */
  readonly startBytes: number
  readonly fullBytes: number
}

export function totalsOf(rows: readonly LiveRow[]): Totals {
  const gains = rows.flatMap((row) => gainOf(row) ?? []).toSorted((a, b) => a - b)
  const sum = (of: 'bytes' | 'fullBytes') =>
    rows.reduce((total, { result }) => total + (result?.start?.[of] ?? 0), 0)
  const count = (state: LiveState) => rows.filter((row) => row.state === state).length
  return {
    images: rows.length,
    byState: {
      failed: count('failed'),
      running: count('running'),
      waiting: count('waiting'),
      done: count('done'),
    },
    gain: gains[Math.floor(gains.length / 2)],
    startBytes: sum('bytes'),
    fullBytes: sum('fullBytes'),
  }
}
