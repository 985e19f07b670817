/** The queue in Redis: the contract, on a real server. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRedisQueue } from '../../../fleet/queue/bullmq.ts'
import { startRedis, type TestRedis } from '../../../scripts/support/redis.ts'
import { jobOf, testQueue } from './contract.ts'

let redis: TestRedis
let fleets = 0
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis[Symbol.asyncDispose]())

testQueue('BullMQ', async () => {
  fleets += 1
  const prefix = `fleet-${fleets}`
  return (settings) =>
    openRedisQueue({
      url: redis.url,
      prefix,
      settings: { attempts: 3, backoffMs: 10, ...settings },
    })
})

test('who adds a job decides how often it, and what follows from it, is tried; not who performs it', async () => {
  const open = (attempts: number) =>
    openRedisQueue({ url: redis.url, prefix: 'decides', settings: { attempts, backoffMs: 10 } })
  await using server = await open(2)
  await using worker = await open(5)
  await server.add([jobOf('record')])
  const begun: [kind: string, attempt: number, attempts: number][] = []
  const stop = new AbortController()
  const ended = worker.work({
    kinds: ['record', 'rebuild'],
    slots: 1,
    signal: stop.signal,
    async perform({ kind }, { attempt, attempts }) {
      begun.push([kind, attempt, attempts])
      if (kind === 'rebuild') throw new Error('no')
      return { done: { profiles: [], tookMs: 1 }, next: [jobOf('rebuild')] }
    },
  })
  await server.idle(new AbortController().signal)
  stop.abort()
  await ended
  expect(begun).toEqual([
    ['record', 1, 2],
    ['rebuild', 1, 2],
    ['rebuild', 2, 2],
  ])
})
