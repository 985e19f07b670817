/** Jobs as BullMQ keeps them, read as ours. What is in Redis is another's word: it is checked. */
import type { Job as StoredJob } from 'bullmq'
import { type Job, type JobKind, jobId, jobSchema } from '../../job.ts'
import { ABANDONED } from '../told.ts'
import { type JobRecord, type JobState, resultSchema } from '../types.ts'

/** A BullMQ job of ours: its data is unchecked until it is read. */
export type Stored = StoredJob<unknown, unknown, string>

/** BullMQ tells more ways of waiting apart. */
export const STORED_STATES = {
  waiting: ['wait', 'prioritized', 'delayed', 'waiting-children'],
  running: ['active'],
  done: ['completed'],
  failed: ['failed'],
} as const satisfies Record<JobState, readonly string[]>

/** @returns undefined for a state that BullMQ doesn't know: the job is gone */
export function stateOf(stored: string): JobState | undefined {
  if (stored === 'active') return 'running'
  if (stored === 'completed') return 'done'
  if (stored === 'failed') return 'failed'
  return stored === 'unknown' ? undefined : 'waiting'
}

/** @returns undefined: not one that this version of headstart adds, or not under the name that it would have */
export function jobIn(kind: JobKind, stored: Pick<Stored, 'id' | 'data'>): Job | undefined {
  const { data: job } = jobSchema.safeParse(stored.data)
  return job?.kind === kind && jobId(job) === stored.id ? job : undefined
}

export function recordOf(job: Job, stored: Stored, state: JobState, log: readonly string[] = []): JobRecord {
  const { data: result } = resultSchema.safeParse(stored.returnvalue)
  const isOver = state === 'done' || state === 'failed'
  return {
    id: jobId(job),
    job,
    state,
    attempts: stored.attemptsMade + (state === 'running' ? 1 : 0),
    addedAt: stored.timestamp,
    ...(stored.processedOn !== undefined && { startedAt: stored.processedOn }),
    ...(isOver && stored.finishedOn !== undefined && { endedAt: stored.finishedOn }),
    ...(state === 'done' && result && { result }),
    // A job that waits for another attempt tells what the last one failed of.
    ...(state !== 'done' && stored.failedReason && { error: inWords(stored.failedReason) }),
    log,
  }
}

/** BullMQ's own words for a job that was left behind once more than workers may leave one. */
const inWords = (reason: string): string =>
  reason === 'job stalled more than allowable limit' ? ABANDONED : reason
