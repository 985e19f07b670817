/** The fleet's keys in Redis, by one connection: BullMQ's two queues, and beside them what was made under each target, and sums. */
import { Queue as StoredQueue } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Digest } from '../../../image/types.ts'
import { type JobKind, jobId, repositoryOf, type Work, workloadsId } from '../../job.ts'
import { type Counters, type Made, madeSchema, type QueueSettings } from '../types.ts'

export interface Store extends AsyncDisposable {
  readonly client: Redis
  readonly settings: QueueSettings
  readonly queues: Readonly<Record<JobKind, StoredQueue<unknown, unknown, string>>>
  /** a key of ours */
  readonly key: (name: string) => string
}

/** The connection stays open when the store is disposed. */
export function openStore(client: Redis, prefix: string, settings: QueueSettings): Store {
  const open = (kind: JobKind) => {
    const queue = new StoredQueue<unknown, unknown, string>(kind, { connection: client, prefix })
    // The connection tells of its cuts itself, and what was asked for rejects.
    queue.on('error', () => {})
    return queue
  }
  const queues = { record: open('record'), rebuild: open('rebuild') }
  return {
    client,
    settings,
    queues,
    key: (name) => `${prefix}:${name}`,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(Object.values(queues).map((queue) => queue.close()))
    },
  }
}

export const madeUnder = (store: Store, target: string): Promise<Made | undefined> =>
  madeAt(store, 'made', target)
export const madeIn = (store: Store, repository: string): Promise<Made | undefined> =>
  madeAt(store, 'made-in', repository)

async function madeAt({ client, key }: Store, table: string, name: string): Promise<Made | undefined> {
  const text = await client.hget(key(table), name)
  return text === null ? undefined : madeSchema.parse(JSON.parse(text))
}

/** @param digest what the target was given */
export async function remember({ client, key }: Store, work: Work, digest: Digest): Promise<void> {
  const { target, digest: source } = work
  const id = jobId({ kind: 'rebuild', work })
  const made: Made = { target, digest, source, id, recorded: workloadsId(work), at: Date.now() }
  const text = JSON.stringify(made)
  await client
    .pipeline()
    .hset(key('made'), target, text)
    .hset(key('made-in'), repositoryOf(target), text)
    .exec()
}

export async function count({ client, key }: Store, counted: Counters): Promise<void> {
  const sums = client.pipeline()
  for (const [name, by] of Object.entries(counted)) sums.hincrby(key('counters'), name, by)
  await sums.exec()
}

export async function countersIn({ client, key }: Store): Promise<Counters> {
  const sums = await client.hgetall(key('counters'))
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, Number(sum)]))
}
