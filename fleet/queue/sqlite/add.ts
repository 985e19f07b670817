/** Adding jobs: none twice, those that failed for good or whose product was replaced once more, and what one job asks for another. */
import { type Job, jobId, registryOf } from '../../job.ts'
import { isDue, isLongAgo } from '../due.ts'
import type { QueueSettings } from '../types.ts'
import type { Database } from './database.ts'
import { madeUnder } from './made.ts'
import { rowOf } from './rows.ts'

/** The state file, and how its queue goes about jobs. */
export interface Store {
  readonly database: Database
  readonly settings: QueueSettings
}

/** Within a transaction. @returns how many were added */
export const addJobs = (store: Store, jobs: readonly Job[], again: boolean): number =>
  jobs.filter((job) => addJob(store, job, again)).length

function addJob(store: Store, job: Job, again: boolean): boolean {
  const { database } = store
  const [now, id] = [Date.now(), jobId(job)]
  const row = rowOf(database, id)
  const known = {
    state: row?.state,
    endedAt: row?.ended ?? undefined,
    error: row?.error ?? undefined,
    made: madeUnder(database, job.work.target),
  }
  if (!isDue(job, known, { ...store.settings, again })) return false
  database.run('DELETE FROM jobs WHERE id = ?', id)
  database.run(
    `INSERT INTO jobs (id, kind, registry, job, state, priority, place, due, attempts, abandoned, added, log)
     VALUES (?, ?, ?, ?, 'waiting', ?, (SELECT coalesce(max(place), 0) + 1 FROM jobs), 0, 0, 0, ?, '')`,
    id,
    job.kind,
    registryOf(job.work),
    JSON.stringify(job),
    job.priority,
    now,
  )
  return true
}

/**
 * Within a transaction.
 * @returns whether nothing was asked for, or any of it is still to be done or has failed: if all was done lately, asking again leads nowhere
 */
export function addInstead(store: Store, jobs: readonly Job[]): boolean {
  addJobs(store, jobs, false)
  let leads = jobs.length === 0
  for (const job of jobs) {
    const row = rowOf(store.database, jobId(job))
    // What was done long ago may be gone from the registry.
    if (row?.state === 'done' && isLongAgo(row.ended ?? undefined, store.settings)) {
      store.database.run('DELETE FROM jobs WHERE id = ?', row.id)
      leads = addJob(store, job, false) || leads
    } else leads ||= row?.state !== 'done'
  }
  return leads
}
