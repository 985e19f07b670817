/** `fleet work` holds to its own fleet.yaml, whatever somebody puts into the queue: on a state file, and in Redis. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseFleet, workOf } from '../../../fleet/config/fleet.ts'
import { type Job, jobId, type Work } from '../../../fleet/job.ts'
import { openRedisQueue } from '../../../fleet/queue/bullmq.ts'
import { openSqliteQueue } from '../../../fleet/queue/sqlite.ts'
import type { Queue } from '../../../fleet/queue/types.ts'
import { rowsOf } from '../../../fleet/serve/overview.ts'
import { digestSchema } from '../../../image/document.ts'
import { OCI_MANIFEST } from '../../../image/media-types.ts'
import { startRedis, type TestRedis } from '../../../scripts/support/redis.ts'
import { until } from '../../../scripts/support/until.ts'
import { READY, type TestFleet, testFleet } from './fleet.ts'

const IMAGES = `${READY}\nimages:\n  - { repositories: [team/web], tags: ['v*'] }`

let redis: TestRedis
let fleet: TestFleet
let asked: Work

beforeAll(async () => {
  redis = await startRedis()
  fleet = await testFleet()
  const digest = digestSchema.parse(await fleet.push('team/web:v1', 'one'))
  await fleet.push('private/app:v1', 'secret')
  const [entry] = parseFleet(`version: 1\nregistry: ${fleet.host}\n${IMAGES}`, 'fleet.yaml').entries
  if (!entry) throw new Error('there is one')
  asked = workOf(
    entry,
    { host: fleet.host, repository: 'team/web', tag: 'v1' },
    { digest, mediaType: OCI_MANIFEST },
  )
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})

describe.each([
  [
    'SQLite',
    () => openSqliteQueue({ file: join(fleet.box.folder, 'work.sqlite') }),
    () => ['--state', 'work.sqlite'],
  ],
  ['Redis', () => openRedisQueue({ url: redis.url }), () => ['--queue', redis.url]],
])('%s', (_, open: () => Promise<Queue>, flags: () => string[]) => {
  test('jobs that it does not ask for fail once, touch nothing, and are on the page', async () => {
    await fleet.write(IMAGES)
    await using queue = await open()
    const of = (more: Partial<Work>, kind: Job['kind'] = 'rebuild'): Job => ({
      kind,
      work: { ...asked, ...more },
      priority: 0,
    })
    const source = `${fleet.host}/private/app:v1`
    const target = `${fleet.host}/team/web:stable`
    const another = { source, target: `${source}-esgz` }
    const forged = [
      of(another),
      of(another, 'record'),
      of({ target }),
      of(
        { workloads: [{ name: 'start', flags: ['--period=1s'], command: ['sh', '-c', 'echo evil'] }] },
        'record',
      ),
    ]
    const before = fleet.proxy.answered().length
    await queue.add(forged)
    await fleet.box.run(['fleet', 'work', ...flags()], {
      async meanwhile({ kill }) {
        await until('they have failed', async () => (await queue.list({ state: 'failed' })).length === 4)
        kill('SIGTERM')
      },
    })
    for (const job of forged)
      expect(await queue.find(jobId(job))).toMatchObject({
        attempts: 1,
        error: expect.stringMatching(/^refused: this worker's fleet\.yaml /),
      })
    expect(fleet.proxy.answered().slice(before)).toEqual([])
    const rows = rowsOf(await queue.list()).filter(({ state }) => state === 'failed')
    expect(rows.map((row) => [row.source, row.target])).toContainEqual([asked.source, target])
    expect(rows.map(({ error }) => error)).toContain(
      `refused: this worker's fleet.yaml does not ask for ${source}`,
    )
  })

  test('its fleet.yaml is read again for each job; while that is wrong, what it said before holds', async () => {
    await fleet.write(`${READY}\nimages:\n  - { repositories: [another] }`)
    await using queue = await open()
    const job: Job = { kind: 'record', work: asked, priority: 0 }
    const stateOf = async () => (await queue.find(jobId(job)))?.state
    const { stderr } = await fleet.box.run(['fleet', 'work', ...flags()], {
      async meanwhile({ kill, stderr }) {
        await queue.add([job])
        await until('it is refused', async () => (await stateOf()) === 'failed')
        await fleet.write(IMAGES)
        await queue.add([job])
        await until('it is done', async () => (await stateOf()) === 'done')
        await until('all is done', async () => (await queue.counts()).rebuild.done === 1)
        await fleet.write('images: nothing')
        await queue.add([{ ...job, work: { ...asked, target: 'registry.example/x:y' } }])
        await until('it is refused', () => /into registry\.example\/x:y/.test(stderr()))
        kill('SIGTERM')
      },
    })
    expect(stderr).toMatch(/fleet\.yaml:3:1: images is to be a list; what it said before still holds/)
    expect(await fleet.digestOf('team/web:v1-esgz')).toMatch(/^sha256:/)
  })
})

test('without a fleet.yaml there is no worker', async () => {
  const { status, stderr } = await fleet.fleet(['work', 'none.yaml'])
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^headstart: none\.yaml can't be read: .*\n$/)])
})

test("a queue by TLS: its authority is named by a file; who isn't trusted gets no password, and none is shown", async () => {
  await fleet.write(IMAGES)
  await using secure = await startRedis({ password: 'a-password-of-redis', tls: 'IP:127.0.0.1' })
  const check = (...args: string[]) =>
    fleet.box.run(['fleet', 'check', ...args], { env: { HEADSTART_QUEUE: secure.url } })
  const trusted = await check('--queue-ca-file', secure.caFile ?? '')
  // A server that takes its time is told of.
  expect([trusted.status, trusted.stderr]).toEqual([
    0,
    expect.stringMatching(/^(warning: waiting for .*\n)?$/),
  ])
  const untrusted = await check()
  expect(untrusted.stderr).toMatch(
    /^(?:warning: waiting for .*\n)?headstart: the queue at rediss:\/\/127\.0\.0\.1:\d+ can't be used: its certificate is not trusted: .*\n {2}Trust its .* --queue-ca-file FILE.*\n$/,
  )
  const missing = await check('--queue-ca-file', 'none.pem')
  expect(missing.stderr).toMatch(/^headstart: the file of certificate authorities can't be read: .*none\.pem/)
  const without = await fleet.box.run(['fleet', 'check', '--queue-ca-file', 'none.pem'])
  expect(without.stderr).toMatch(
    /^headstart: --queue-ca-file is of a queue that has a server, and none is named\n/,
  )
  expect([untrusted, missing, without].map(({ status }) => status)).toEqual([1, 1, 2])
  expect(JSON.stringify([trusted, untrusted, missing])).not.toContain('a-password-of-redis')
})
