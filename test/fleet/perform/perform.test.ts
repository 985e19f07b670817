/** Jobs and the commands for them: what is run, what comes of it, and what is refused. */
import { describe, expect, test } from 'vitest'
import type { Job } from '../../../fleet/job.ts'
import { commandLines, rebuildCommand, recordCommand } from '../../../fleet/perform/commands.ts'
import { failureOf } from '../../../fleet/perform/failures.ts'
import { refusalOf } from '../../../fleet/perform/flags.ts'
import { linesOf } from '../../../fleet/perform/log-lines.ts'
import { resultFrom } from '../../../fleet/perform/optimized.ts'
import { performer } from '../../../fleet/perform/perform.ts'
import { fleetOf, jobOf } from '../queue/contract.ts'

const job: Job = {
  ...jobOf('rebuild'),
  work: {
    ...jobOf('rebuild').work,
    workloads: [
      { name: 'start', flags: ['--ready-log=it is up'], command: [] },
      { name: 'buy', flags: ['--ready-tcp=80'], command: ['serve', "it's"] },
    ],
    optimizeFlags: ['--split=auto'],
    budget: { growth: 0.15, prefetchBytes: 1000 },
  },
  profileFrom: `registry.example/web@sha256:${'0'.repeat(64)}`,
}
const source = `docker://registry.example/web:1@${job.work.digest}`

describe('commands', () => {
  test('a record: one for each workload, on this very image, attached to it', () => {
    const [start, buy] = job.work.workloads
    if (!start || !buy) throw new Error('two workloads')
    expect(recordCommand(job.work, buy, '/tmp/t')).toEqual([
      ...[
        'profile',
        source,
        '--ready-tcp=80',
        '--push',
        '--name=buy',
        '--output=/tmp/t',
        '--',
        'serve',
        "it's",
      ],
    ])
    expect(recordCommand(job.work, start, 't')).not.toContain('--')
  })

  test('a rebuild: by the image’s own profiles, or those of the build before, within its limits', () => {
    expect(rebuildCommand(job)).toEqual([
      ...['optimize', source, 'docker://registry.example/web:1-esgz', '--force', '--if-current', '--json'],
      ...[`--profile-from=${source}`, `--profile-from=docker://${job.profileFrom}`],
      ...['--profile-name=start', '--profile-name=buy', '--min-coverage=0.8'],
      ...['--max-growth=0.15', '--max-prefetch=1000', '--split=auto'],
    ])
  })

  test('for people: as a shell takes them', () => {
    expect(commandLines({ ...job, kind: 'record' })).toEqual([
      `headstart profile ${source} '--ready-log=it is up' --push --name=start --output=trace.json`,
      `headstart profile ${source} --ready-tcp=80 --push --name=buy --output=trace.json -- serve 'it'\\''s'`,
    ])
  })
})

test.each([
  ['E_COVERAGE', 'unprofiled'],
  ['E_NO_PROFILE', 'unprofiled'],
  ['E_SUPERSEDED', 'superseded'],
  ['E_EXCEEDED', 'final'],
  ['E_REGISTRY', 'passing'],
  ['E_DISK_FULL', 'passing'],
  ['E_SOMETHING_NEW', 'passing'],
])('a command that fails with %s: %s', (code, is) => {
  const failure = failureOf({ status: 1, fault: { code, message: 'it failed', hint: 'Do this' } })
  expect(failure).toEqual({ is, why: `it failed (${code}). Do this` })
})

test('a start that takes too long: where its flags are in fleet.yaml', () => {
  const hint = 'Allow more time with --timeout'
  expect(failureOf({ status: 1, fault: { code: 'E_READY_TIMEOUT', message: 'late', hint } })).toEqual({
    is: 'final',
    why: 'late (E_READY_TIMEOUT). Allow more time with --timeout (in fleet.yaml: ready, with its timeout)',
  })
})

test('a command that can’t say why it failed may do better next time', () => {
  expect(failureOf({ status: undefined, fault: undefined })).toEqual({
    is: 'passing',
    why: 'the command was killed',
  })
  expect(failureOf({ status: 7, fault: undefined })).toMatchObject({ is: 'passing' })
})

describe('what a job may not do, whoever put it into the queue:', () => {
  const withFlags = (...flags: string[]) => ({ ...job.work, workloads: [{ name: 'x', flags, command: [] }] })

  test.each([
    ['--volume=/:/host'],
    ['--mount=type=bind,source=/,target=/host'],
    ['--network=host'],
    ['--privileged'],
    ['--cap-add=ALL'],
    ['--env=AWS_SECRET_ACCESS_KEY'],
    ['--gpus=all'],
  ])('%s, unless the machine allows it', (flag) => {
    expect(refusalOf(withFlags(flag), new Set())).toMatch(/reaches into the machine that records/)
    const needed = flag.startsWith('--env') ? 'env:AWS_SECRET_ACCESS_KEY' : (flag.split('=')[0] ?? '')
    expect(refusalOf(withFlags(flag), new Set([needed]))).toBeUndefined()
  })

  test.each([
    ['--output=/etc/passwd'],
    ['--env-file=/etc/shadow'],
    ['--script=/etc/shadow'],
    ['--insecure'],
    ['--ca-file=/x'],
    ['-v=/:/host'],
    ['-v/:/host'],
    ['--vol=/:/host'],
    ['/etc/passwd'],
    ['--'],
    ['--env=API_KEY=abc'],
  ])('%s, whatever the machine allows', (flag) => {
    expect(refusalOf(withFlags(flag), new Set([flag, '--output', '--env', '-v']))).toBeDefined()
  })

  test.each([
    ['--trace=/etc/shadow'],
    ['--metadata-file=/etc/cron.d/x'],
    ['--refine=/x'],
    ['--record'],
    ['--force'],
  ])('%s of optimize', (flag) => {
    expect(refusalOf({ ...job.work, optimizeFlags: [flag] }, new Set([flag]))).toMatch(/is not a flag/)
  })

  test('it is refused before anything is run', async () => {
    const work = withFlags('--privileged')
    const perform = performer({
      program: ['/nothing/there'],
      access: [],
      fleet: async () => fleetOf(work),
      allowed: new Set(),
    })
    const context = { attempt: 1, attempts: 4, signal: new AbortController().signal, log: () => {} }
    expect(await perform({ ...job, work }, context)).toEqual({
      failed: expect.stringContaining('--privileged'),
    })
  })
})

/** A program in place of headstart, which prints its arguments into the log, and then does something. */
const performing = async (kind: Job['kind'], script: string) => {
  const log: string[] = []
  const perform = performer({
    program: [process.execPath, '-e', `console.error(process.argv.slice(1).join(' ')); ${script}`, '--'],
    access: ['--insecure'],
    fleet: async () => fleetOf(job.work),
    allowed: new Set(),
  })
  const outcome = await perform(
    { ...job, kind },
    { attempt: 1, attempts: 4, signal: new AbortController().signal, log: (line) => log.push(line) },
  )
  return { outcome, log }
}
const fails = (code: string) => `process.send({ code: '${code}', message: 'because' }); process.exitCode = 1`

describe('performing', () => {
  test('a record does one workload after the other, and asks for the rebuild', async () => {
    const { outcome, log } = await performing('record', '')
    expect(outcome).toMatchObject({
      done: { profiles: [{ name: 'start' }, { name: 'buy' }] },
      next: [{ kind: 'rebuild', work: job.work, priority: job.priority - 1 }],
    })
    expect(log).toEqual([
      expect.stringMatching(/^profile --insecure docker:.* --name=start --output=\/.*trace-0\.json$/),
      expect.stringMatching(
        /^profile --insecure docker:.* --name=buy --output=\/.*trace-1\.json -- serve it's$/,
      ),
    ])
  })

  test('a rebuild without a profile asks for a record; one that came too late for nothing', async () => {
    expect((await performing('rebuild', fails('E_NO_PROFILE'))).outcome).toMatchObject({
      instead: [{ kind: 'record', work: job.work }],
    })
    expect((await performing('rebuild', fails('E_SUPERSEDED'))).outcome).toEqual({ instead: [] })
  })

  test('what stays wrong is a failure, what may pass is thrown', async () => {
    expect((await performing('record', fails('E_READY_TIMEOUT'))).outcome).toEqual({
      failed: 'because (E_READY_TIMEOUT)',
    })
    await expect(performing('rebuild', fails('E_REGISTRY'))).rejects.toThrow('because (E_REGISTRY)')
  })
})

test('of what optimize prints, the result of the first platform is kept, and the index that it is in', () => {
  const line = (more: object) =>
    JSON.stringify({
      digest: `sha256:${'1'.repeat(64)}`,
      layers: [
        { sourceSize: 100, size: 110, more: 1 },
        { sourceSize: 5, size: 6 },
      ],
      coverage: 0.9,
      start: { bytes: 1, fullBytes: 2, ms: 3, fullMs: 4 },
      profiles: [
        { name: 'start', digest: 'x', created: '2026-01-02T03:04:05.000Z' },
        { name: 'buy', digest: 'y' },
      ],
      ...more,
    })
  expect(resultFrom([line({ index: `sha256:${'2'.repeat(64)}` }), line({})], 7)).toEqual({
    made: `sha256:${'2'.repeat(64)}`,
    bytes: { before: 105, after: 116 },
    start: { bytes: 1, fullBytes: 2, ms: 3, fullMs: 4 },
    profiles: [{ name: 'start', recordedAt: '2026-01-02T03:04:05.000Z' }, { name: 'buy' }],
    coverage: 0.9,
    tookMs: 7,
  })
  expect(resultFrom([line({})], 7).made).toBe(`sha256:${'1'.repeat(64)}`)
  expect(() => resultFrom([], 1)).toThrow('headstart optimize printed no result')
  expect(() => resultFrom(['{}'], 1)).toThrow(/the result of headstart optimize is wrong/)
})

test('lines come out whole however they come in, and long ones end', async () => {
  async function* pieces() {
    for (const text of ['a', 'b\nc\r\nd\re', '\n\n\n', 'é'.slice(0, 1), 'x'.repeat(9000), '\nend'])
      yield Buffer.from(text)
  }
  const lines: string[] = []
  for await (const line of linesOf(pieces())) lines.push(line)
  expect(lines.map((line) => (line.length > 100 ? line.length : line))).toEqual([
    'ab',
    'c',
    'd',
    'e',
    4000,
    'end',
  ])
})
