/** Whether a job that is asked for is to be done, by what a queue knows of it: the rule of both adapters. Pure, but for the clock. */
import { type Job, jobId } from '../job.ts'
import { REFUSED } from './told.ts'
import type { JobState, Made, QueueSettings } from './types.ts'

export interface Known {
  /** undefined: the queue doesn't have it, or no longer */
  readonly state: JobState | undefined
  /** ms since 1970 */
  readonly endedAt: number | undefined
  /** of the last attempt */
  readonly error: string | undefined
  /** what the job's target was given last: known for longer than the job itself is kept */
  readonly made: Made | undefined
}

type Patience = Pick<QueueSettings, 'retryAfterMs'>

export const isLongAgo = (endedAt: number | undefined, { retryAfterMs }: Patience): boolean =>
  (endedAt ?? 0) + retryAfterMs <= Date.now()

/**
 * One that failed for good is, in time or `again`, and whenever a worker refused it: that one's configuration may be another by now. A rebuild that was done is once its target was given something else.
 */
export function isDue(
  job: Job,
  { state, endedAt, error, made }: Known,
  { again, ...settings }: Patience & { readonly again: boolean },
): boolean {
  const isMade = job.kind === 'rebuild' && made?.id === jobId(job)
  switch (state) {
    case undefined:
      return !isMade
    case 'failed':
      return again || isLongAgo(endedAt, settings) || error?.startsWith(REFUSED) === true
    case 'done':
      return job.kind === 'rebuild' && !isMade
    default:
      return false
  }
}
