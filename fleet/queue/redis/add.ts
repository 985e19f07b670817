/** Adding jobs: none twice, those that failed for good or whose product was replaced once more, and what one job asks for another. */
import { setTimeout as sleep } from 'node:timers/promises'
import { mapLimit } from '../../../system/map-limit.ts'
import { type Job, jobId } from '../../job.ts'
import { isDue, isLongAgo } from '../due.ts'
import { KEPT_JOBS, MOST_LINES } from '../told.ts'
import type { JobState } from '../types.ts'
import { type Stored, stateOf } from './records.ts'
import { madeUnder, type Store } from './store.ts'

const KEPT = { count: KEPT_JOBS }
/** Commands on their way at the same time. */
const AT_ONCE = 50

/** @returns how many were added */
export async function addJobs(store: Store, jobs: readonly Job[], again: boolean): Promise<number> {
  const added = await mapLimit(jobs, AT_ONCE, NEVER, (job) => addJob(store, job, again))
  return added.filter(Boolean).length
}

const NEVER = new AbortController().signal

async function addJob(store: Store, job: Job, again: boolean): Promise<boolean> {
  const queue = store.queues[job.kind]
  const id = jobId(job)
  const [stored, state] = await storedJob(store, job)
  const made = await madeUnder(store, job.work.target)
  const known = { state, endedAt: stored?.finishedOn, error: stored?.failedReason, made }
  if (!isDue(job, known, { ...store.settings, again })) return false
  if (stored && state !== undefined && !(await removed(stored))) return false
  await queue.add(job.kind, job, {
    jobId: id,
    priority: job.priority,
    attempts: store.settings.attempts,
    backoff: { type: 'exponential', delay: store.settings.backoffMs },
    removeOnComplete: KEPT,
    removeOnFail: KEPT,
    keepLogs: MOST_LINES,
    stackTraceLimit: 0,
  })
  return true
}

async function storedJob(
  { queues }: Store,
  job: Job,
): Promise<[Stored, JobState | undefined] | [undefined, undefined]> {
  const stored = await queues[job.kind].getJob(jobId(job))
  return stored ? [stored, stateOf(await stored.getState())] : [undefined, undefined]
}

/** Somebody else may have just done the same; if it runs already it can't be removed, and needn't. */
const removed = (stored: Stored): Promise<boolean> =>
  stored.remove().then(
    () => true,
    () => false,
  )

const FORGET_MS = 100
const FORGET_TRIES = 100

/** What is due after a job: it may be what asked for that job, and about to be forgotten; before that it can't be added. */
export async function addNext(store: Store, jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) {
    for (let tries = 0; tries < FORGET_TRIES; tries += 1) {
      const [, state] = await storedJob(store, job)
      if (state !== 'running') break
      await sleep(FORGET_MS)
    }
    await addJob(store, job, true)
  }
}

/** @returns whether nothing was asked for, or any of it is still to be done or has failed: if all was done lately, asking again leads nowhere */
export async function addInstead(store: Store, jobs: readonly Job[]): Promise<boolean> {
  if (jobs.length === 0) return true
  await addJobs(store, jobs, false)
  let leads = false
  for (const job of jobs) {
    const [stored, state] = await storedJob(store, job)
    // What was done long ago may be gone from the registry.
    if (stored && state === 'done' && isLongAgo(stored.finishedOn, store.settings)) {
      await removed(stored)
      await addJob(store, job, false)
      leads = true
    } else leads ||= state !== 'done'
  }
  return leads
}
