/**
 * A fleet of forty images with all of its parts, real ones, and what happens to them: machines that die, a Redis that is started again, a registry
 * that is cut off, notifications that come twice or not at all. What comes of it is what a run without any of that makes, on the embedded queue.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFailed, test, vi } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import { verifyImage } from '../../../image/verify.ts'
import { startRedis, type TestRedis } from '../../../scripts/support/redis.ts'
import { freePort } from '../../../scripts/support/serve.ts'
import { until } from '../../../scripts/support/until.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'
import { machineDies, redisDies, registryDies, workerDies } from './faults.ts'
import { startFleet, type WholeFleet } from './fleet.ts'
import { type Ground, LOGIN, startGround } from './ground.ts'
import { HEAVY, makeImages, NAMES, namesOf, TARGETS, UNREADY } from './images.ts'
import { containersLeft, textBelow } from './left.ts'
import { type Seen, seenAt } from './server.ts'

const SECRET = 'the-secret-of-notifications'
const PASSWORD = 'the-password-of-redis'

let temp: TempFolder
let images: ReadonlyMap<string, string>
let redis: TestRedis
beforeAll(async () => {
  temp = await tempFolder()
  vi.stubEnv('DOCKER_CONFIG', temp.path)
  images = await makeImages(temp.path)
  redis = await startRedis({ password: PASSWORD })
})
afterAll(async () => {
  await redis[Symbol.asyncDispose]()
  await temp[Symbol.asyncDispose]()
})

/** The first of each repository, which lends its profile to the others. */
const FIRST = namesOf('v1')

const imageOf = (name: string): string => images.get(name) ?? ''

async function push(ground: Ground, names: readonly string[], silent?: string): Promise<void> {
  if (silent !== undefined) await ground.pushSilently(silent, imageOf(silent))
  for (const name of names) if (name !== silent) await ground.push(name, imageOf(name))
}

type Digests = Record<string, string | undefined>

/** By target, of those that become right. */
async function digestsOf(ground: Ground): Promise<Digests> {
  const found = [...TARGETS.values()].map(async (target) => [target, await ground.digestOf(target)])
  return Object.fromEntries(await Promise.all(found))
}

/** What a run without faults makes. */
let expected: Digests

test('on the embedded queue, without faults: each image once, and two failures by name', async () => {
  await using ground = await startGround(temp.path)
  const box = await ground.machine()
  const env = { DOCKER_CONFIG: join(box.folder, 'docker') }
  const run = () => box.run(['fleet', 'run', '--state', 'fleet.sqlite', '--jobs', '2'], { env })
  await push(ground, FIRST)
  const first = await run()
  expect(first.status, first.stderr).toBe(0)
  expect(first.stderr.match(/: recorded start in/g)).toHaveLength(FIRST.length)
  await push(ground, NAMES.slice(FIRST.length))
  const second = await run()
  expect(second.status, second.stderr).toBe(1)
  expect(second.stderr).not.toContain(': recorded start in')
  expect(second.stdout.split('\n')).toEqual([
    expect.stringMatching(`^failed: ${ground.host}/${UNREADY}: .*E_READY_TIMEOUT`),
    expect.stringMatching(`^failed: ${ground.host}/${HEAVY}: .*E_EXCEEDED`),
    '',
  ])
  expect(ground.pushed().toSorted()).toEqual([...TARGETS.values()].toSorted())
  expected = await digestsOf(ground)
  expect(new Set(Object.values(expected)).size).toBe(TARGETS.size)
  expect(await box.leftovers()).toEqual([])
})

const attempts = (kind: string, ending: string): string => `attempts_total{kind="${kind}",ending="${ending}"}`

test('with a server, four workers, and whatever goes wrong: the same, none twice without need', async () => {
  await using own = new AsyncDisposableStack()
  const address = `127.0.0.1:${await freePort()}`
  // Two ways to the same server: every notification comes twice.
  const ground = own.use(await startGround(temp.path, ['once', 'again'].map(endpointAt(address))))
  const fleet = own.use(await startFleet({ ground, address, queue: redis.url, secret: SECRET }))
  onTestFailed(() => console.error(fleet.said()))
  const seen = seenAt(address)
  const interrupted = await undergo(ground, fleet, seen)
  await made(ground, [...TARGETS.keys()])
  const failures = (kind: string) => seen.metric(`jobs{kind="${kind}",state="failed"}`)
  await until('both failures are known', async () =>
    (await Promise.all(['record', 'rebuild'].map(failures))).every((count) => count > 0),
  )
  await seen.idle()

  expect(await digestsOf(ground)).toEqual(expected)
  await expectSound(ground, fleet)
  const pushed = ground.pushed()
  for (const [image, target] of TARGETS) {
    const most = 1 + interrupted.filter((each) => each === image).length
    const times = pushed.filter((each) => each === target).length
    expect([times >= 1, times <= most], `${target}: ${times} times`).toEqual([true, true])
  }
  expect(pushed.filter((each) => ![...TARGETS.values()].includes(each))).toEqual([])
  // What was just rebuilt when the registry went away may have got no profile to lend: each of the three that rebuild may cost one more record.
  expect(await seen.metric(attempts('record', 'done'))).toBeOneOf(
    [0, 1, 2, 3].map((more) => FIRST.length + more),
  )
  expect(await seen.metric(attempts('record', 'failed'))).toBe(1)
  expect(await seen.metric(attempts('rebuild', 'failed'))).toBe(1)
  expect(await seen.metric('notifications_total{result="refused"}')).toBe(0)
  const failed = (await seen.rows()).filter(({ state }) => state === 'failed')
  expect(failed.toSorted((a, b) => (a.source < b.source ? -1 : 1))).toEqual([
    {
      source: `${ground.host}/${UNREADY}`,
      state: 'failed',
      error: expect.stringContaining('E_READY_TIMEOUT'),
    },
    { source: `${ground.host}/${HEAVY}`, state: 'failed', error: expect.stringContaining('E_EXCEEDED') },
  ])
  await expectQuiet(fleet, await seen.everything())
})

const endpointAt = (address: string) => (name: string) =>
  `{ name: ${name}, url: 'http://${address}/notifications', timeout: 5s, threshold: 3, backoff: 500ms, headers: { Authorization: ['Bearer ${SECRET}'] } }`

const isMade = async (ground: Ground, name: string): Promise<boolean> => {
  const target = TARGETS.get(name) ?? ''
  return (await ground.digestOf(target)) === expected[target]
}

async function made(ground: Ground, names: readonly string[]): Promise<void> {
  for (const name of names) await until(`${name} is made`, () => isMade(ground, name))
}

/** The images are pushed, while everything breaks in turn. @returns those whose jobs were cut short */
async function undergo(ground: Ground, fleet: WholeFleet, seen: Seen): Promise<string[]> {
  const { recorders, rebuilders } = fleet
  await until(
    'there was nothing to be found',
    async () => (await seen.metric('polls_total{result="done"}')) === 1,
  )
  // The first builds. Nobody tells of one of them, and who looks around is the next server.
  const [untold = '', ...told] = FIRST.toReversed()
  const interrupted = [await machineDies(recorders, 'profile', push(ground, [untold, ...told], untold))]
  await made(ground, told)
  expect(await isMade(ground, untold)).toBe(false)
  await fleet.serveAgain('5s')
  await made(ground, [untold])
  await seen.idle() // it lends its profile once its job is over, a while after it has its name

  interrupted.push(await workerDies(rebuilders, 'optimize', push(ground, namesOf('v2'), 'team/a:v2')))
  interrupted.push(await machineDies(rebuilders, 'optimize', push(ground, namesOf('v3'))))
  const workers = [...recorders, ...rebuilders]
  interrupted.push(...(await redisDies(redis, workers, push(ground, namesOf('v4'), 'shop/web:v4'))))
  const retried = () => seen.metric(attempts('rebuild', 'retried'))
  const hasFailed = async () => (await retried()) > 0
  await registryDies(ground.registry, rebuilders, { pushing: push(ground, namesOf('v5')), hasFailed })
  return interrupted
}

/** By what the command does, and by the command itself where starting it so often would take minutes. */
async function expectSound(ground: Ground, { boxes: [box] }: WholeFleet): Promise<void> {
  for (const target of TARGETS.values()) {
    await using source = await openSource(`docker://${ground.host}/${target}`)
    const problems = await verifyImage(await source.image(), { signal: new AbortController().signal })
    expect(problems, target).toEqual([])
  }
  for (const name of namesOf('v3')) {
    const reference = `docker://${ground.host}/${TARGETS.get(name)}`
    const outcome = await box?.run(['verify', reference], { env: { DOCKER_CONFIG: temp.path } })
    expect(outcome?.status, outcome?.stderr).toBe(0)
  }
}

/** All end when they are asked to, leave nothing, and have told nobody what is secret; each failure is told by one of them. */
async function expectQuiet(fleet: WholeFleet, shown: string): Promise<void> {
  const statuses = await fleet.stop()
  expect(statuses, fleet.said()).toEqual([0, 0, 0, 0, 0])
  for (const name of [UNREADY, HEAVY])
    expect(fleet.said().split('\n').filter(tellsFailureOf(name))).toHaveLength(1)
  const stored = await textBelow(redis.folder)
  expect(stored).toContain(UNREADY)
  const login = Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString('base64')
  for (const secret of [LOGIN.password, login, SECRET, PASSWORD])
    expect(
      [shown, fleet.said(), stored].map((text) => text.includes(secret)),
      secret,
    ).toEqual([false, false, false])
  for (const box of fleet.boxes) expect(await box.leftovers()).toEqual([])
  expect(await containersLeft()).toEqual([])
}

const tellsFailureOf = (name: string) => (line: string) =>
  line.includes(`${name}: `) && /E_(READY_TIMEOUT|EXCEEDED)/.test(line)
