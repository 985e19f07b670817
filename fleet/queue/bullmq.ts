/** The queue for many machines: BullMQ's, in Redis or Valkey. Its jobs, retries, priorities and locks are BullMQ's own; this only translates. */
import { setTimeout as sleep } from 'node:timers/promises'
import { JOB_KINDS, type JobKind } from '../job.ts'
import { addJobs } from './redis/add.ts'
import { asQueueError, firstAnswer, hangUp, parseRedisUrl, redisClient } from './redis/connect.ts'
import { jobIn, recordOf, STORED_STATES, stateOf } from './redis/records.ts'
import { countersIn, madeIn, madeUnder, openStore, remember, type Store } from './redis/store.ts'
import { workOn } from './redis/work.ts'
import { MOST_LINES } from './told.ts'
import {
  JOB_STATES,
  type JobRecord,
  type JobState,
  type Queue,
  type QueueSettings,
  SETTINGS,
} from './types.ts'

export interface RedisQueueOptions {
  /** `redis://[user:password@]host[:port][/database]`; `rediss://` for TLS */
  readonly url: string
  /** PEM of the authorities that its certificate may be of; the usual ones by default */
  readonly ca?: string
  /** of all keys: several fleets may share a server */
  readonly prefix?: string
  readonly settings?: Partial<QueueSettings>
  /** takes a line when the server is lost, and one when it is back */
  readonly onNotice?: (line: string) => void
  /** ms that whoever asks waits for a server that doesn't answer; a worker waits for ever */
  readonly patienceMs?: number
  /** ms after which the jobs of a worker that is silent go to others: within one and a half of these */
  readonly lockMs?: number
}

const PREFIX = 'headstart'
const LOCK_MS = 60_000
const PATIENCE_MS = 10_000
const IDLE_POLL_MS = 250
/** Silence looks like a fault after this. */
const TELL_MS = 2000

/** @throws HeadstartError E_QUEUE: the URL is wrong, the server doesn't answer in time, isn't trusted, or refuses the login; so do all of the queue's functions */
export async function openRedisQueue(options: RedisQueueOptions): Promise<Queue> {
  const { url, prefix = PREFIX, patienceMs = PATIENCE_MS, lockMs = LOCK_MS, onNotice = () => {} } = options
  const place = parseRedisUrl(url, options.ca)
  const settings = { ...SETTINGS, ...options.settings }
  const client = redisClient(place, { patienceMs, onNotice })
  const saying = setTimeout(() => onNotice(`waiting for the queue at ${place.shown}`), TELL_MS)
  let store: Store
  try {
    await firstAnswer(client, place, patienceMs)
    store = openStore(client, prefix, settings)
    // BullMQ asks for the server's version first, and never again: a queue that got no answer would never have one.
    await Promise.all(Object.values(store.queues).map((queue) => queue.waitUntilReady()))
  } catch (error) {
    hangUp(client)
    throw asQueueError(error, place.shown)
  } finally {
    clearTimeout(saying)
  }
  const asked = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } catch (error) {
      throw asQueueError(error, place.shown)
    }
  }
  return {
    add: (jobs, { again = false } = {}) => asked(addJobs(store, jobs, again)),
    find: (id) => asked(find(store, id)),
    async work(work) {
      const patient = redisClient(place, {})
      try {
        await using own = openStore(patient, prefix, settings)
        await workOn({ store: own, prefix, lockMs, onNotice }, work)
      } finally {
        hangUp(patient)
      }
    },
    idle: (signal) => asked(idle(store, signal)),
    counts: () => asked(counts(store)),
    list: (which) => asked(list(store, which)),
    made: (target) => asked(madeUnder(store, target)),
    madeIn: (repository) => asked(madeIn(store, repository)),
    adopt: (work, digest) => asked(remember(store, work, digest)),
    counters: () => asked(countersIn(store)),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      hangUp(client)
    },
  }
}

async function find({ queues }: Store, id: string): Promise<JobRecord | undefined> {
  const kind = JOB_KINDS.find((each) => id.startsWith(`${each}-`))
  const stored = kind && (await queues[kind].getJob(id))
  if (!stored) return undefined
  const job = jobIn(kind, stored)
  const state = stateOf(await stored.getState())
  if (!job || !state) return undefined
  const { logs } = await queues[kind].getJobLogs(id, -MOST_LINES, -1)
  return recordOf(job, stored, state, logs)
}

async function idle(store: Store, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { record, rebuild } = await counts(store)
    if (record.waiting + record.running + rebuild.waiting + rebuild.running === 0) return
    await sleep(IDLE_POLL_MS, undefined, { signal })
  }
}

async function counts({ queues }: Store): Promise<Record<JobKind, Record<JobState, number>>> {
  const of = async (kind: JobKind) => {
    const counted = await queues[kind].getJobCounts(...Object.values(STORED_STATES).flat())
    const sum = (state: JobState) =>
      STORED_STATES[state].reduce((total, name) => total + (counted[name] ?? 0), 0)
    return { waiting: sum('waiting'), running: sum('running'), done: sum('done'), failed: sum('failed') }
  }
  const [record, rebuild] = await Promise.all([of('record'), of('rebuild')])
  return { record, rebuild }
}

async function list(
  store: Store,
  { state, limit = 100 }: { readonly state?: JobState; readonly limit?: number } = {},
): Promise<JobRecord[]> {
  const states = state ? [state] : JOB_STATES
  const lists = await Promise.all(
    JOB_KINDS.flatMap((kind) => states.map((each) => listed(store, kind, each, limit))),
  )
  return lists
    .flat()
    .toSorted((a, b) => changedAt(b) - changedAt(a))
    .slice(0, limit)
}

async function listed(
  { queues }: Store,
  kind: JobKind,
  state: JobState,
  limit: number,
): Promise<JobRecord[]> {
  const all = await queues[kind].getJobs([...STORED_STATES[state]], 0, limit - 1, false)
  return all.flatMap((stored) => {
    // One that has gone meanwhile is listed as nothing.
    const job = stored && jobIn(kind, stored)
    return job ? [recordOf(job, stored, state)] : []
  })
}

const changedAt = ({ endedAt, startedAt, addedAt }: JobRecord): number => endedAt ?? startedAt ?? addedAt
