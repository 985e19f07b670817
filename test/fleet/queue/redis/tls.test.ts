/** A queue by TLS: only a server whose certificate is trusted, and names it, gets the password; anything else is said in one line, at once. */
import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRedisQueue } from '../../../../fleet/queue/bullmq.ts'
import { startRedis, type TestRedis } from '../../../../scripts/support/redis.ts'
import { freePort } from '../../../../scripts/support/serve.ts'
import { jobOf } from '../contract.ts'

const PASSWORD = 'a-password-of-redis'
/** It would have to wait for these: what is wrong is said before. */
const patienceMs = 600_000

let own: TestRedis
let other: TestRedis
let plain: TestRedis
beforeAll(async () => {
  own = await startRedis({ password: PASSWORD, tls: 'IP:127.0.0.1,DNS:localhost' })
  other = await startRedis({ password: PASSWORD, tls: 'DNS:redis.example' })
  plain = await startRedis({ password: PASSWORD })
})
afterAll(async () => {
  for (const each of [own, other, plain]) await each[Symbol.asyncDispose]()
})

const authorityOf = ({ caFile }: TestRedis) => readFile(caFile ?? '', 'utf8')

async function faultOf(open: Promise<unknown>): Promise<string> {
  const fault: unknown = await open.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(fault).toMatchObject({ code: 'E_QUEUE' })
  expect(inspect(fault, { depth: 9 })).not.toContain(PASSWORD)
  return fault instanceof Error ? fault.message : ''
}

test.each(['127.0.0.1', 'localhost'])('%s: jobs are added and performed', async (host) => {
  const warnings: string[] = []
  const note = (warning: Error) => warnings.push(warning.message)
  process.on('warning', note)
  const url = own.url.replace('127.0.0.1', host)
  await using queue = await openRedisQueue({ url, prefix: host, ca: await authorityOf(own) })
  expect(await queue.add([jobOf('rebuild')])).toBe(1)
  const stop = new AbortController()
  const ended = queue.work({
    kinds: ['rebuild'],
    slots: 1,
    signal: stop.signal,
    perform: async () => ({ done: { profiles: [], tookMs: 1 } }),
  })
  await queue.idle(new AbortController().signal)
  stop.abort()
  await ended
  expect((await queue.counts()).rebuild.done).toBe(1)
  process.off('warning', note)
  expect(warnings).toEqual([])
})

test('a certificate of no known authority, of another, and for another name', async () => {
  const untrusted = await faultOf(openRedisQueue({ url: own.url, patienceMs }))
  expect(untrusted).toMatch(
    /^the queue at rediss:\/\/127\.0\.0\.1:\d+ can't be used: its certificate is not trusted: /,
  )
  await faultOf(openRedisQueue({ url: own.url, ca: await authorityOf(other), patienceMs }))
  const named = await faultOf(openRedisQueue({ url: other.url, ca: await authorityOf(other), patienceMs }))
  expect(named).toMatch(/127\.0\.0\.1 is not in the cert's list|does not match/)
})

test('a server that does not speak TLS, and an authority for one that is not asked to', async () => {
  const url = plain.url.replace('redis:', 'rediss:')
  expect(await faultOf(openRedisQueue({ url, patienceMs: 1000 }))).toMatch(
    /can't be used: it does not answer by TLS$/,
  )
  expect(await faultOf(openRedisQueue({ url: plain.url, ca: await authorityOf(own) }))).toMatch(
    /not reached by TLS/,
  )
})

test('who waits for a server is told so before it is given up', async () => {
  const notices: string[] = []
  const url = `redis://:${PASSWORD}@127.0.0.1:${await freePort()}`
  const fault = await faultOf(
    openRedisQueue({ url, patienceMs: 4000, onNotice: (line) => notices.push(line) }),
  )
  expect(notices).toEqual([expect.stringMatching(/^waiting for the queue at redis:\/\/127\.0\.0\.1:\d+$/)])
  expect(fault).toMatch(/can't be used: nothing is listening: 127/)
})
