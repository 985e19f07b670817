/** The fleet as its page shows it: one row for each target, from what the queue knows. Pure. */
import { type Job, type JobKind, jobId, registryOf, type Work } from '../job.ts'
import type { JobRecord, JobResult, JobState } from '../queue/types.ts'

export interface Row {
  /** without the registry, if the whole fleet has one */
  readonly source: string
  readonly target: string
  readonly digest: string
  readonly state: JobState
  /** of the newest job */
  readonly kind: JobKind
  readonly job: string
  readonly attempts: number
  /** ms since 1970: when the job was added, begun or over */
  readonly at: number
  readonly error?: string
  /** of the last rebuild that was done, which may be older than the newest job */
  readonly result?: JobResult
}

export interface Overview {
  readonly counts: Readonly<Record<JobKind, Readonly<Record<JobState, number>>>>
  readonly rows: readonly Row[]
  /** when the registries were looked at last; undefined: not yet */
  readonly polledAt?: number
  /** why that failed, if it did */
  readonly pollError?: string
}

const timeOf = ({ endedAt, startedAt, addedAt, state }: JobRecord): number =>
  state === 'waiting' ? addedAt : (endedAt ?? startedAt ?? addedAt)

/** An image that was up to date when it was looked at last, whoever made its product. */
export interface Known {
  readonly work: Work
  /** ms since 1970 */
  readonly at: number
}

/** As though it had been done here: that is what one more request for it would find. */
export const recordOfKnown = ({ work, at }: Known): JobRecord => {
  const job: Job = { kind: 'rebuild', work, priority: 0 }
  return { id: jobId(job), job, state: 'done', attempts: 0, addedAt: at, log: [] }
}

/**
 * A target's newest build decides; of its jobs one that runs or waits before one that is over, and a failure before what was done before it.
 * @param records of one queue, in any order
 * @param known what no job may tell of: it was made before this queue was used
 */
export function rowsOf(records: readonly JobRecord[], known: readonly Known[] = []): Row[] {
  const byTarget = Map.groupBy(records, ({ job }) => job.work.target)
  const others = known.filter(({ work }) => !byTarget.has(work.target)).map(recordOfKnown)
  return [...byTarget.values(), ...others.map((each) => [each])].map(rowOf)
}

const UNDER_WAY: Readonly<Record<JobState, number>> = { running: 2, waiting: 1, failed: 0, done: 0 }

function rowOf(records: readonly JobRecord[]): Row {
  const [newest, ...older] = records.toSorted(
    (a, b) => UNDER_WAY[b.state] - UNDER_WAY[a.state] || timeOf(b) - timeOf(a),
  )
  if (!newest) throw new Error('a group has members')
  const rebuilt = [newest, ...older].find(({ job, result }) => job.kind === 'rebuild' && result !== undefined)
  const { job, state, attempts, error } = newest
  return {
    source: job.work.source,
    target: job.work.target,
    digest: job.work.digest,
    state,
    kind: job.kind,
    job: newest.id,
    attempts,
    at: timeOf(newest),
    ...(error !== undefined && { error }),
    ...(rebuilt?.result && { result: rebuilt.result }),
  }
}

/** What a person asks of one job. */
export interface JobDetails {
  readonly id: string
  readonly state: JobState
  readonly error?: string
  readonly log: readonly string[]
  /** that repeat it by hand */
  readonly commands: readonly string[]
  readonly registry: string
}

export const detailsOf = (
  { id, state, error, log, job }: JobRecord,
  commands: (job: Job) => readonly string[],
): JobDetails => ({
  id,
  state,
  ...(error !== undefined && { error }),
  log,
  commands: commands(job),
  registry: registryOf(job.work),
})
