/** The queue in Redis: the contract, on a real server. */
import { afterAll, beforeAll } from 'vitest'
import { openRedisQueue } from '../../../fleet/queue/bullmq.ts'
import { startRedis, type TestRedis } from '../../../scripts/support/redis.ts'
import { testQueue } from './contract.ts'

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
