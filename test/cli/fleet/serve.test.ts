/**
 * `fleet serve` and `fleet work` with real parts: a registry that notifies, Redis, a worker that records and one without privileges; and how they
 * stop.
 */
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest'
import type { JobDetails, Overview } from '../../../fleet/serve/overview.ts'
import type { LiveFleet, LiveJob } from '../../../report/page/shared/live.ts'
import { startRedis, type TestRedis } from '../../../scripts/support/redis.ts'
import { freePort } from '../../../scripts/support/serve.ts'
import { until } from '../../../scripts/support/until.ts'
import { runCommand } from '../../../system/process/command.ts'
import type { Outcome } from '../../support/headstart.ts'
import { NOBODY } from '../../support/nobody.ts'
import { READY, type TestFleet, testFleet } from './fleet.ts'

const SECRET = 'a-secret-of-the-registry'
const PASSWORD = 'a-password-of-redis'

let redis: TestRedis
let fleet: TestFleet
let port: number
let env: Record<string, string>
const running: Running[] = []

interface Running {
  /** @returns how it ended */
  stop(signal?: NodeJS.Signals): Promise<Outcome>
}

beforeAll(async () => {
  redis = await startRedis({ password: PASSWORD })
  port = await freePort()
  const endpoint = `{ name: fleet, url: 'http://127.0.0.1:${port}/notifications', timeout: 5s, threshold: 3, backoff: 1s, headers: { Authorization: ['Bearer ${SECRET}'] } }`
  fleet = await testFleet({ extra: `notifications: { endpoints: [${endpoint}] }` })
  await runCommand('chmod', ['1777', fleet.box.folder])
  env = { HEADSTART_QUEUE: redis.url, HEADSTART_FLEET_SECRET: SECRET }
})
afterAll(async () => {
  for (const each of running) await each.stop()
  await fleet[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})

/** In the background, until it is stopped or all tests are over. Resolves once it says that it is there. */
async function start(
  args: readonly string[],
  says: RegExp,
  { under, ...more }: { under?: readonly string[]; env?: Record<string, string> } = {},
): Promise<Running> {
  const there = Promise.withResolvers<void>()
  const stopping = Promise.withResolvers<NodeJS.Signals>()
  const ended = fleet.box.run(['fleet', ...args], {
    env: { ...env, ...more.env },
    ...(under && { under }),
    async meanwhile({ kill, stdout, stderr }) {
      await until(`${args[0]} is there`, () => {
        if (stderr().includes('headstart: ')) throw new Error(stderr())
        return says.test(stdout() + stderr())
      })
      there.resolve()
      kill(await stopping.promise)
    },
  })
  await Promise.race([there.promise, ended])
  const one = {
    async stop(signal: NodeJS.Signals = 'SIGTERM') {
      stopping.resolve(signal)
      return await ended
    },
  }
  running.push(one)
  return one
}

const serve = () => start(['serve', '--listen', `127.0.0.1:${port}`, '--every', '1h'], /the page is at/)
const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
/** As another user, with folders of its own. */
const unprivileged = () => ({
  under: ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'],
  env: { HEADSTART_TMPDIR: `${fleet.box.folder}/nobody`, HEADSTART_RUNDIR: `${fleet.box.folder}/nobody-run` },
})

test('the page needs nothing that the server does not have', () => {
  expectTypeOf<Overview>().toExtend<LiveFleet>()
  expectTypeOf<JobDetails>().toExtend<LiveJob>()
})

test('what is pushed is recorded where that can be done, rebuilt by who has no rights, and shown', async () => {
  await fleet.push('team/web:v1', 'one')
  await fleet.push('team/web:other', 'two')
  await fleet.write(`${READY}\nimages:\n  - { repositories: [team/web], tags: ['v*'] }`)
  const server = await serve()
  const recorder = await start(['work', '--kinds', 'record'], /waiting for jobs: record$/m)
  const rebuilder = await start(['work', '--kinds=rebuild'], /waiting for jobs: rebuild$/m, unprivileged())
  const done = (count: number) =>
    until(`${count} rebuilt`, async () =>
      (await (await get('/metrics')).text()).includes(`jobs{kind="rebuild",state="done"} ${count}\n`),
    )
  await done(1)
  // The next poll is far away.
  await fleet.push('team/web:v2', 'three')
  await done(2)
  for (const tag of ['v1-esgz', 'v2-esgz'])
    expect(await fleet.box.run(['verify', `docker://${fleet.host}/team/web:${tag}`])).toMatchObject({
      status: 0,
    })
  expect(await (await get('/api/fleet')).json()).toMatchObject({
    rows: [
      { source: `${fleet.host}/team/web:v2`, state: 'done', kind: 'rebuild' },
      { source: `${fleet.host}/team/web:v1`, state: 'done', kind: 'rebuild' },
    ],
  })
  expect(await (await get('/')).text()).toMatch(/^<!doctype html>/)
  const outcomes = [await recorder.stop(), await rebuilder.stop(), await server.stop()]
  expect(outcomes.map(({ status }) => status)).toEqual([0, 0, 0])
  expect(outcomes[0]?.stderr).toMatch(
    /^(warning: waiting for the queue at .*\n)?waiting for jobs: record\n.*team\/web:v1: recorded start in .*\nstopped; .*\n$/,
  )
  expect(outcomes[1]?.stderr).toMatch(/team\/web:v2-esgz: rebuilt in /)
  expect(outcomes[2]?.stderr).toMatch(/^jobs are done by workers, .*: headstart fleet work$/m)
  expect(outcomes[2]?.stderr).toMatch(/^1 image: 1 (to record|under way)$/m)
  expect(outcomes[2]?.stderr).toMatch(/team\/web:v2 was pushed: it is new/)
  // What the registry told of our own pushes, and of a tag that the fleet doesn't have, became no job.
  expect(outcomes[2]?.stderr.match(/v2 was pushed/g)).toHaveLength(1)
  expect(outcomes[2]?.stderr).not.toMatch(/(-esgz|other) was pushed/)
  expect(JSON.stringify(outcomes)).not.toMatch(new RegExp(`${SECRET}|${PASSWORD}`))
  expect(await fleet.box.leftovers()).toEqual([])
})

test('a worker says what failed', async () => {
  await fleet.push('ends:1', 'ends', { command: 'exit 3' })
  await fleet.write(`${READY}\nimages:\n  - { repositories: [ends], tags: ['1'] }`)
  const server = await serve()
  const worker = await start(['work'], /ends:1: record failed: .* ended with status 3 .*\(E_EXIT\)/)
  expect(await worker.stop()).toMatchObject({ status: 0 })
  expect(await server.stop()).toMatchObject({ status: 0 })
})

test('a job of a worker that is stopped goes back, and nothing of it stays', async () => {
  await fleet.push('slow:1', 'slow', { command: 'cat /app.txt; sleep 600' })
  await fleet.write(`${READY}\nimages:\n  - { repositories: [slow], tags: ['1'] }`)
  const server = await serve()
  const worker = await start(['work', '--grace', '0s'], /waiting for jobs/)
  await until('it runs', async () =>
    (await (await get('/metrics')).text()).includes('jobs{kind="record",state="running"} 1\n'),
  )
  await until('it has something to leave', async () => (await fleet.box.leftovers()).length > 0)
  expect(await worker.stop()).toMatchObject({ status: 0 })
  expect(await (await get('/api/queue')).json()).toEqual({ record: { open: 1 }, rebuild: { open: 0 } })
  expect(await fleet.box.leftovers()).toEqual([])
  expect(await server.stop('SIGINT')).toMatchObject({ status: 0 })
})

test('a machine that cannot record is told so at once', async () => {
  const { status, stderr } = await fleet.box.run(['fleet', 'work'], {
    ...unprivileged(),
    env: { ...env, ...unprivileged().env },
  })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^headstart: this machine can't take record jobs: it lacks root, /)
  expect(stderr).toMatch(/\n {2}headstart doctor says more; with --kinds rebuild it needs no privileges\n$/)
})

test.each([
  [['work', '--kinds', 'all'], {}, 2, /Expected record, or rebuild, or both/],
  [['work', '--kinds', 'rebuild', '--queue', 'redis://x', '--state', 'y'], {}, 2, /cannot be used with/],
  [
    ['work', '--kinds', 'rebuild'],
    { HEADSTART_QUEUE: 'http://me:hidden@x' },
    1,
    /^headstart: the address of the queue/,
  ],
  [['serve', '--listen', '8484'], {}, 2, /Expected HOST:PORT/],
  [['serve', '--secret-file', '/nowhere'], {}, 1, /^headstart: \/nowhere can't be read/],
  [['serve'], { HEADSTART_FLEET_SECRET: 'short' }, 1, /fewer than 16 characters/],
  [['serve', 'none.yaml'], {}, 1, /^headstart: none.yaml can't be read/],
])('wrong: %j %j', async (args, more, expected, said) => {
  const { status, stderr } = await fleet.box.run(['fleet', ...args], { env: { ...env, ...more } })
  expect(stderr).toMatch(said)
  expect(stderr).not.toMatch(/hidden|at .*\.ts/)
  expect(status).toBe(expected)
})
