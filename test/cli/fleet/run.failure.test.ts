/** `fleet run` where something fails or interrupts it: named once, tried as often as it helps, gone on with, and nothing done twice. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqliteQueue } from '../../../fleet/queue/sqlite.ts'
import { until } from '../../../scripts/support/until.ts'
import { exists } from '../../../system/files/exists.ts'
import { READY, type TestFleet, testFleet } from './fleet.ts'

let fleet: TestFleet

beforeEach(async () => {
  fleet = await testFleet()
})
afterEach(() => fleet[Symbol.asyncDispose]())

const pushedTags = (asked: readonly string[]) =>
  asked.flatMap((line) => /^PUT \/v2\/(.+)\/manifests\/([^:]+-esgz)$/.exec(line)?.slice(1).join(':') ?? [])

test('an image that never becomes ready, and one over its budget, are named once; the others are made', async () => {
  await fleet.push('good:1', 'good')
  await fleet.push('never:1', 'never', { command: 'echo waiting; sleep 60' })
  await fleet.push('large:1', 'large')
  await fleet.push('odd:1', 'odd')
  await fleet.write(`${READY}
images:
  - repositories: [good]
  - repositories: [never]
    ready: { log: started, timeout: 1s }
  - repositories: [large]
    budget: { prefetch: 10 }
  - repositories: [good]
    tags: ['1']
    optimize: [--max-zone=potato]
  - repositories: [odd]
    optimize: [--max-zone=potato]
`)
  const first = await fleet.fleet(['run'])
  expect(first.status, first.stderr).toBe(1)
  const named = first.stdout.trim().split('\n')
  expect(named).toEqual([
    expect.stringMatching(
      /^failed: .*\/large:1: \d+ bytes would be fetched before the start, of 10 at most: nothing was replaced \(E_EXCEEDED\)/,
    ),
    expect.stringMatching(/^failed: .*\/never:1: .*1 s.* \(E_READY_TIMEOUT\)/),
    expect.stringMatching(
      /^failed: .*\/odd:1: option '--max-zone <bytes>' argument 'potato' is invalid\. .*\(E_USAGE\)$/,
    ),
  ])
  expect(first.stderr).toMatch(/good:1-esgz: rebuilt in/)
  expect(first.stderr).not.toMatch(/attempt/)
  expect(first.stderr).toMatch(/^headstart: 3 images could not be brought up to date$/m)
  expect(first.stderr).toMatch(
    /^warning: fleet\.yaml, line \d+: there is no such image, or an entry above has it$/m,
  )
  expect(pushedTags(fleet.proxy.take())).toEqual(['good:1-esgz'])
  // It is not tried again before there is a reason.
  const second = await fleet.fleet(['run'])
  expect(second).toMatchObject({ status: 1, stderr: expect.not.stringContaining('recorded') })
  expect(second.stdout.match(/^failed: .*it is tried again a day later, or with --again$/gm)).toHaveLength(3)
  const again = await fleet.fleet(['run', '--again'])
  expect(again.status).toBe(1)
  expect(again.stdout.match(/^failed: /gm)).toHaveLength(3)
  const mended = `${READY}\nimages: [{ repositories: [good, never, large, odd], ready: { period: 100ms } }]`
  await fleet.write(mended)
  const last = await fleet.fleet(['run'])
  expect(last.status, last.stderr).toBe(0)
  expect(await fleet.box.leftovers()).toEqual([])
})

test('a registry or repository that can’t be looked at keeps no other waiting, and is told', async () => {
  await fleet.push('good:1', 'good')
  await fleet.write(`${READY}
images:
  - repositories: [good, 'missing', '127.0.0.1:1/closed']
    tags: ['1']
  - repositories: ['127.0.0.1:1/*']
`)
  const { status, stdout, stderr } = await fleet.fleet(['run'])
  expect(status).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/good:1-esgz: rebuilt in/)
  expect(stderr).toMatch(/^2 images: 1 to record, 1 skipped$/m)
  expect(stderr).toMatch(/^warning: 127\.0\.0\.1:1\/closed:1: .* can't be reached/m)
  expect(stderr).toMatch(/^warning: https:\/\/127\.0\.0\.1:1 can't be reached: nothing is listening/m)
  expect(stderr).toMatch(/^headstart: 2 things could not be looked at$/m)
})

const IMAGES = `${READY}\nimages: [{ repositories: ['app/*'] }]`
const APPS = ['app/a:1', 'app/b:1', 'app/c:1', 'app/d:1']
const TARGETS = APPS.map((name) => `${name}-esgz`)

async function apps() {
  for (const name of APPS) await fleet.push(name, name)
  await fleet.write(IMAGES)
  fleet.proxy.take()
}

const rebuilt = (stderr: string) => (stderr.match(/: rebuilt in/g) ?? []).length
const recorded = (stderr: string) => (stderr.match(/: recorded start in/g) ?? []).length

/** Runs until the first two are made and the third stands still where its profile is pushed, and then sends a signal. */
async function interrupted(signal: NodeJS.Signals) {
  using _held = fleet.proxy.hold(/^POST \/v2\/app\/c\//)
  const file = join(fleet.box.folder, 'fleet.sqlite')
  return await fleet.fleet(['run'], {
    meanwhile: async (child) => {
      await until('there is a state', () => exists(file))
      await using queue = await openSqliteQueue({ file })
      await until('two are made', async () => {
        const { record, rebuild } = await queue.counts()
        return rebuild.done === 2 && record.running === 1
      })
      child.kill(signal)
    },
  })
}

/** After an interruption: what was made is not made again. */
async function goesOn(before: string) {
  expect([recorded(before), rebuilt(before)]).toEqual([2, 2])
  const next = await fleet.fleet(['run'])
  expect(next.status, next.stderr).toBe(0)
  expect([recorded(next.stderr), rebuilt(next.stderr)]).toEqual([2, 2])
  expect(pushedTags(fleet.proxy.take()).toSorted()).toEqual(TARGETS)
  expect(await fleet.box.leftovers()).toEqual([])
  expect(await fleet.fleet(['run'])).toMatchObject({ status: 0, stderr: '4 images: 4 up to date\n' })
}

test('killed in the middle, the next run goes on: what was done is not done again', async () => {
  await apps()
  const killed = await interrupted('SIGKILL')
  expect(killed.status).toBeNull()
  // The command that was at it hears that it is alone, and cleans up after itself; the run's own folder is left to the next one.
  await until('its commands have ended', async () =>
    (await fleet.box.leftovers()).every((left) => /^headstart-\d+-[0-9a-f]{8}$/.test(left)),
  )
  await goesOn(killed.stderr)
})

test('Ctrl-C ends it with 130; what it was at waits for the next run', async () => {
  await apps()
  const stopped = await interrupted('SIGINT')
  expect(stopped.status, stopped.stderr).toBe(130)
  expect(stopped.stderr).toContain('headstart: interrupted')
  expect(await fleet.box.leftovers()).toEqual([])
  const { stdout } = await fleet.fleet(['check'])
  expect(stdout.match(/under way +its (record|rebuild) job is waiting/g)).toHaveLength(2)
  await goesOn(stopped.stderr)
})

test('two runs at once share the work', async () => {
  await apps()
  const both = await Promise.all([fleet.fleet(['run']), fleet.fleet(['run'])])
  for (const { status, stderr } of both) expect(status, stderr).toBe(0)
  expect(both.reduce((sum, { stderr }) => sum + recorded(stderr), 0)).toBe(4)
  expect(pushedTags(fleet.proxy.take()).toSorted()).toEqual(TARGETS)
})

describe('what a workload may do:', () => {
  test('its variables come from the machine only where that says so, and stay out of the log', async () => {
    await fleet.push('app:1', 'x', { command: 'echo "got $DB_URL"; echo started; sleep 60' })
    await fleet.write(`${READY}\nimages: [{ repositories: [app], env: [DB_URL] }]`)
    const env = { DB_URL: 'postgres://hunter2hunter2' }
    const refused = await fleet.fleet(['run'], { env })
    expect(refused.status).toBe(1)
    expect(refused.stdout).toMatch(
      /app:1: --env reaches into the machine that records: start it with --allow env:DB_URL/,
    )
    const allowed = await fleet.fleet(['run', '--again', '--allow', 'env:DB_URL'], { env })
    expect(allowed.status, allowed.stderr).toBe(0)
    const state = await fleet.box.run(['--version'], {
      under: ['sh', '-c', 'cat fleet.sqlite* | tr -d "\\0"', 'sh'],
    })
    expect(state.stdout).toContain('got ***')
    expect(state.stdout).not.toContain('hunter2')
  })

  test('a folder of the host is not mounted', async () => {
    await fleet.push('app:1', 'x')
    await fleet.write(`${READY}\nimages: [{ repositories: [app], flags: [--volume=/etc:/host] }]`)
    const { status, stdout } = await fleet.fleet(['run'])
    expect(status).toBe(1)
    expect(stdout).toMatch(/--volume reaches into the machine that records: .*--allow --volume/)
  })
})

describe('bad input is one line:', () => {
  test('fleet.yaml that is wrong, or not there', async () => {
    await writeFile(join(fleet.box.folder, 'wrong.yaml'), 'version: 1\nimages:\n  - repository: app\n')
    for (const command of ['check', 'run']) {
      const wrong = await fleet.fleet([command, 'wrong.yaml'])
      expect(wrong).toMatchObject({ status: 1, stdout: '' })
      expect(wrong.stderr).toBe('headstart: wrong.yaml:3:5: there is no setting "repository" here\n')
      const missing = await fleet.fleet([command, 'none.yaml'])
      expect(missing.stderr).toMatch(/^headstart: none\.yaml can't be read: .*\n$/)
    }
  })

  test('a state file that is none', async () => {
    await fleet.write(IMAGES)
    const { status, stderr } = await fleet.fleet(['run', '--state', 'fleet.yaml'])
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^headstart: the state file .*fleet\.yaml can't be used: .*\n {2}Name another one with --state/,
    )
  })

  test('a rate that is none', async () => {
    const { status, stderr } = await fleet.fleet(['run', '--rate', 'often'])
    expect(status).toBe(2)
    expect(stderr).toContain('Expected something like 30/10m or 2/s.')
  })
})
