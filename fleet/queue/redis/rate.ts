/**
 * How many jobs are begun against one registry in a time, counted in Redis for all workers. BullMQ's own limiter is one per queue, and limits by
 * group are not part of the free package: so a job whose registry has had enough is put back with a delay, and the others go on.
 */
import type { Redis } from 'ioredis'

export interface Rate {
  readonly jobs: number
  readonly perMs: number
}

/**
 * Time is cut into windows of `perMs`, each with a counter of its own.
 * @returns ms after which to ask again; 0: go on, it is counted
 */
export async function takeTurn(client: Redis, key: string, { jobs, perMs }: Rate): Promise<number> {
  const now = Date.now()
  const window = Math.floor(now / perMs)
  const counter = `${key}:${window}`
  const begun = await client.incr(counter)
  await client.pexpire(counter, 2 * perMs)
  if (begun <= jobs) return 0
  // Not all at the same moment: they would be put back once more, all but a few.
  return (window + 1) * perMs - now + Math.random() * perMs
}
