/** What goes wrong with a server and with workers: cuts, restarts, kill -9, and what others put into Redis. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { jobId } from '../../../../fleet/job.ts'
import { openRedisQueue, type RedisQueueOptions } from '../../../../fleet/queue/bullmq.ts'
import type { JobRecord, Outcome, Perform, Queue } from '../../../../fleet/queue/types.ts'
import { startRedis, type TestRedis } from '../../../../scripts/support/redis.ts'
import { serve } from '../../../../scripts/support/serve.ts'
import { until } from '../../../../scripts/support/until.ts'
import { jobOf } from '../contract.ts'

const PASSWORD = 'p@ss/w%rd-of-redis'
const DONE: Outcome = { done: { profiles: [], tookMs: 1 } }
const job = jobOf('rebuild')

let redis: TestRedis
let fleets = 0
let prefix: string
const ends: (() => Promise<void>)[] = []
beforeAll(async () => {
  redis = await startRedis({ password: PASSWORD })
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
afterAll(() => redis[Symbol.asyncDispose]())

async function open(options: Partial<RedisQueueOptions> = {}): Promise<Queue> {
  const queue = await openRedisQueue({
    url: redis.url,
    prefix,
    settings: { attempts: 3, backoffMs: 10 },
    ...options,
  })
  ends.push(async () => queue[Symbol.asyncDispose]())
  return queue
}

/** The same, of a server that doesn't keep it waiting: what is asked for soon is tried until it is that soon. */
async function openSoon(patienceMs: number): Promise<Queue> {
  const opened: Queue[] = []
  await until('it is open', async () => {
    const queue = await open({ patienceMs }).catch(() => undefined)
    if (queue) opened.push(queue)
    return queue !== undefined
  })
  const [queue] = opened
  if (!queue) throw new Error('until has returned')
  return queue
}

function fresh(): void {
  fleets += 1
  prefix = `faults-${fleets}`
}

function work(queue: Queue, perform: Perform): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const ended = queue.work({ kinds: ['record', 'rebuild'], slots: 1, perform, signal: stopping.signal })
  const stop = async () => {
    stopping.abort()
    await ended
  }
  ends.push(stop)
  return { stop }
}

/** In a process of its own: it says when it has begun a job, and never ends that. */
function startWorker(lockMs: number) {
  const program = fileURLToPath(new URL('worker-process.ts', import.meta.url))
  return spawn(process.execPath, [program, redis.url, prefix, `${lockMs}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

test('the job of a worker that was killed is taken over, as no new attempt', async () => {
  fresh()
  // Much longer than a machine that is busy keeps it waiting.
  const lockMs = 20_000
  const queue = await open({ lockMs: 8000 })
  await queue.add([job])
  const child = startWorker(lockMs)
  await once(child.stdout, 'data')
  const attempts: number[] = []
  work(queue, async (_, { attempt }) => {
    attempts.push(attempt)
    return DONE
  })
  // It lives, so it keeps its job for longer than a lock lasts.
  const client = new Redis(redis.url)
  ends.push(async () => client.disconnect())
  const lock = `${prefix}:rebuild:${jobId(job)}:lock`
  let least = lockMs
  await until('its lock is renewed', async () => {
    const left = await client.pttl(lock)
    const isRenewed = left > least
    least = Math.min(least, left)
    return isRenewed
  })
  expect(attempts).toEqual([])
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  // As time would.
  await client.pexpire(lock, 1)
  await queue.idle(new AbortController().signal)
  expect(attempts).toEqual([1])
  expect(await queue.find(jobId(job))).toMatchObject({ state: 'done', attempts: 1 })
})

test('a job that kills every worker fails for good', async () => {
  fresh()
  const lockMs = 500
  const queue = await open({ lockMs })
  await queue.add([job])
  const hasFailed = async () => (await queue.find(jobId(job)))?.state === 'failed'
  for (let killed = 0; killed < 3; killed += 1) {
    const child = startWorker(lockMs)
    let hasBegun = false
    child.stdout.once('data', () => {
      hasBegun = true
    })
    // One that is held up for longer than its lock lasts is taken for killed, too.
    await until('it has begun, or the job has failed', async () => hasBegun || (await hasFailed()))
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  work(queue, async () => DONE)
  await queue.idle(new AbortController().signal)
  const found = await queue.find(jobId(job))
  expect(found?.state).toBe('failed')
  expect(found?.error).toBe('3 workers were killed while they did this: it may be what ends them')
})

test('a server that is killed and started again: the job goes on, and is done once', async () => {
  fresh()
  const notices: string[] = []
  const queue = await open({ onNotice: (line) => notices.push(line) })
  notices.length = 0 // of a server that is slow to answer
  await queue.add([job, jobOf('rebuild', 2)])
  const begun: string[] = []
  const end = Promise.withResolvers<void>()
  work(queue, async ({ work }) => {
    begun.push(work.digest)
    await end.promise
    return DONE
  })
  await until('it runs', () => begun.length === 1)
  await redis.kill()
  end.resolve()
  await until('the cut is noticed', () => notices.length > 0)
  await redis.start()
  await queue.idle(new AbortController().signal)
  expect(begun).toEqual([job.work.digest, jobOf('rebuild', 2).work.digest])
  expect((await queue.counts()).rebuild).toMatchObject({ done: 2, failed: 0 })
  const shown = `redis://127.0.0.1:${redis.port}`
  // That it is over is no cut.
  for (const end of ends.splice(0).reverse()) await end()
  expect(notices).toEqual([
    `the connection to the queue at ${shown} is lost; trying again`,
    `the queue at ${shown} is back`,
  ])
})

test('connections that nobody answers any more, nor ends, are given up', async () => {
  fresh()
  const sockets: Socket[] = []
  const proxy = await serve(
    createServer((socket) => {
      const upstream = connect(redis.port, '127.0.0.1')
      for (const end of [socket, upstream]) end.on('error', () => {})
      socket.pipe(upstream).pipe(socket)
      sockets.push(socket, upstream)
    }),
  )
  ends.push(async () => {
    for (const socket of sockets) socket.destroy()
    await proxy[Symbol.asyncDispose]()
  })
  const notices: string[] = []
  const url = redis.url.replace(/:\d+$/, `:${proxy.port}`)
  const queue = await open({ url, onNotice: (line) => notices.push(line) })
  notices.length = 0 // of a server that is slow to answer
  await queue.add([job])
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  work(queue, async () => {
    begun.resolve()
    await end.promise
    return DONE
  })
  await begun.promise
  for (const socket of sockets) socket.unpipe().pause()
  end.resolve()
  await until('it is done', async () => {
    const found = await queue.find(jobId(job)).catch(() => undefined)
    return found?.state === 'done'
  })
  expect((await queue.find(jobId(job)))?.attempts).toBe(1)
  expect(notices[0]).toMatch(/is lost; trying again$|can't be reached: /)
})

test('while the server is away, whoever asks is told so in time, and a worker can stop', async () => {
  fresh()
  const patient = await open()
  const { stop } = work(patient, async () => DONE)
  await patient.add([job])
  await patient.idle(new AbortController().signal)
  const queue = await openSoon(1000)
  await redis.kill()
  try {
    await expect(queue.add([jobOf('rebuild', 2)])).rejects.toThrow(
      /^the queue at redis:\/\/127\.0\.0\.1:\d+ does not answer$/,
    )
    await stop()
    await expect(open({ patienceMs: 1000 })).rejects.toThrow(
      /^the queue at redis:\/\/127\.0\.0\.1:\d+ can't be used: nothing is listening/,
    )
  } finally {
    await redis.start()
  }
  let found: JobRecord | undefined
  await until('it answers again', async () => {
    found = await queue.find(jobId(job)).catch(() => undefined)
    return found !== undefined
  })
  expect(found).toMatchObject({ state: 'done' })
})

test('a worker that has lost a job is told so', async () => {
  fresh()
  const queue = await open({ lockMs: 1000 })
  await queue.add([job])
  const told: unknown[] = []
  let attempts = 0
  work(queue, async (_, { signal }) => {
    attempts += 1
    if (attempts > 1) return DONE
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    told.push(signal.reason)
    throw new Error('stopped')
  })
  await until('it runs', () => attempts > 0)
  const client = new Redis(redis.url)
  ends.push(async () => client.disconnect())
  await client.del(`${prefix}:rebuild:${jobId(job)}:lock`)
  await queue.idle(new AbortController().signal)
  expect(told).toEqual([new Error('it was silent for too long, so the job is no longer its own')])
  expect(await queue.find(jobId(job))).toMatchObject({ state: 'done' })
})

test("what isn't a job of ours is refused, and shown nowhere", async () => {
  fresh()
  const queue = await open()
  const client = new Redis(redis.url)
  ends.push(async () => client.disconnect())
  await queue.add([job, jobOf('rebuild', 2)])
  const key = `${prefix}:rebuild:${jobId(job)}`
  // Another's flags under the name of this job, and what is no job at all.
  const forged = { ...job, work: { ...job.work, optimizeFlags: ['--all-platforms'] } }
  await client.hset(key, 'data', JSON.stringify(forged))
  await client.hset(`${prefix}:rebuild:${jobId(jobOf('rebuild', 2))}`, 'data', '{"kind":"rebuild"}')
  const performed: string[] = []
  work(queue, async ({ work }) => {
    performed.push(work.digest)
    return DONE
  })
  await queue.idle(new AbortController().signal)
  expect(performed).toEqual([])
  expect((await queue.counts()).rebuild).toMatchObject({ done: 0, failed: 2 })
  expect(await client.hget(key, 'failedReason')).toBe(
    'this is not a job that this version of headstart knows',
  )
  expect(await queue.list()).toEqual([])
  expect(await queue.find(jobId(job))).toBeUndefined()
})

test('nothing of the login is in Redis', async () => {
  fresh()
  const queue = await open()
  await queue.add([job, jobOf('record')])
  work(queue, async ({ kind }, { log }) => {
    log(`a line of ${kind}`)
    throw new Error(`cannot reach ${redis.url}`)
  })
  await queue.idle(new AbortController().signal)
  const client = new Redis(redis.url)
  ends.push(async () => client.disconnect())
  const keys = await client.keys(`${prefix}:*`)
  expect(keys.length).toBeGreaterThan(3)
  const everything = await Promise.all(
    keys.map(async (key) => {
      const type = await client.type(key)
      if (type === 'hash') return JSON.stringify(await client.hgetall(key))
      if (type === 'list') return JSON.stringify(await client.lrange(key, 0, -1))
      if (type === 'stream') return JSON.stringify(await client.xrange(key, '-', '+'))
      return ''
    }),
  )
  expect(everything.join('\n')).toContain('cannot reach redis://***@127.0.0.1')
  expect(everything.join('\n')).not.toContain('ss/w')
  expect(everything.join('\n')).not.toContain(encodeURIComponent(PASSWORD))
})
