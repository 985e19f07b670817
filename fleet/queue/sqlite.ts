/**
 * The embedded queue: jobs and what came of them, in a SQLite file of this machine. Several processes may use it at once; what one that was
 * killed leaves behind, another goes on with.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { JOB_KINDS, type JobKind } from '../job.ts'
import { addJobs, type Store } from './sqlite/add.ts'
import { takeOver } from './sqlite/claim.ts'
import { openDatabase } from './sqlite/database.ts'
import { countersIn, madeIn, madeUnder, remember } from './sqlite/made.ts'
import { recordOf, rowOf, rowsOf } from './sqlite/rows.ts'
import { type ChangeBell, workOn } from './sqlite/work.ts'
import {
  JOB_STATES,
  type JobRecord,
  type JobState,
  type Queue,
  type QueueSettings,
  SETTINGS,
} from './types.ts'

export interface SqliteQueueOptions {
  /** made where there is none, with its folder */
  readonly file: string
  readonly settings?: Partial<QueueSettings>
}

const IDLE_POLL_MS = 100

/** @throws HeadstartError E_STATE: the file can't be used; so do all of the queue's functions */
export async function openSqliteQueue({ file, settings }: SqliteQueueOptions): Promise<Queue> {
  const store: Store = { database: await openDatabase(file), settings: { ...SETTINGS, ...settings } }
  const { database } = store
  const changes = changeBell()
  return {
    async add(jobs, { again = false } = {}) {
      const added = database.together(() => addJobs(store, jobs, again))
      changes.ring()
      return added
    },
    async find(id) {
      const row = rowOf(database, id)
      return row && recordOf(row)
    },
    work: (options) => workOn(store, options, changes),
    idle: (signal) => idle(store, signal),
    counts: async () => counts(store),
    list: async ({ state, limit = 100 } = {}) => list(store, state, limit),
    made: async (target) => madeUnder(database, target),
    madeIn: async (repository) => madeIn(database, repository),
    async adopt(work, digest) {
      database.together(() => remember(database, work, digest))
    },
    counters: async () => countersIn(database),
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]()
    },
  }
}

function changeBell(): ChangeBell {
  let waiting = Promise.withResolvers<void>()
  return {
    next: () => waiting.promise,
    ring() {
      waiting.resolve()
      waiting = Promise.withResolvers()
    },
  }
}

/** What was begun by a process that is gone counts as waiting: nobody may be there who takes it over. */
async function idle(store: Store, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    await takeOver(store)
    const { record, rebuild } = counts(store)
    if (record.waiting + record.running + rebuild.waiting + rebuild.running === 0) return
    await sleep(IDLE_POLL_MS, undefined, { signal })
  }
}

const countSchema = z.object({ kind: z.enum(JOB_KINDS), state: z.enum(JOB_STATES), count: z.number() })

function counts({ database }: Store): Record<JobKind, Record<JobState, number>> {
  const none = () => ({ waiting: 0, running: 0, done: 0, failed: 0 })
  const counted = { record: none(), rebuild: none() }
  const rows = database.rows(
    countSchema,
    'SELECT kind, state, count(*) AS count FROM jobs GROUP BY kind, state',
  )
  for (const { kind, state, count } of rows) counted[kind][state] = count
  return counted
}

function list({ database }: Store, state: JobState | undefined, limit: number): JobRecord[] {
  const where = state === undefined ? '' : 'WHERE state = ?'
  const values = state === undefined ? [limit] : [state, limit]
  const order = 'ORDER BY coalesce(ended, started, added) DESC, place DESC LIMIT ?'
  return rowsOf(database, `${where} ${order}`, values, false).flatMap((row) => recordOf(row) ?? [])
}
