/** The whole workflow with the command itself, as a person does it: record, optimize, verify, measure, report; through a registry, too. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readBench } from '../../report/bench/file.ts'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { readTrace } from '../../tracer/trace/file.ts'
import { type Outcome, type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'
import { file } from '../support/tar.ts'

let box: Sandbox
let registry: TestRegistry
let image: string

const start = ['--engine', 'runc', '--network', 'none', '--ready-log', '^served']

beforeAll(async () => {
  box = await sandbox()
  registry = await startRegistry()
  image = await busyboxImage(join(box.folder, 'image'), {
    command: 'cat /app.txt; echo served; sleep 60',
    app: [file('app.txt', 'read at the start\n'), file('later.txt', 'never read\n'.repeat(5000))],
  })
})

afterAll(async () => {
  expect(await box.leftovers()).toEqual([])
  await registry[Symbol.asyncDispose]()
  await box[Symbol.asyncDispose]()
})

async function succeeds(args: readonly string[]): Promise<Outcome> {
  const outcome = await box.run(args)
  expect(outcome.status, outcome.stderr).toBe(0)
  return outcome
}

describe('the commands, one after the other', () => {
  test('profile writes a trace of what was read, shows the output, and says what it saw', async () => {
    const { stdout, stderr } = await succeeds(['profile', image, ...start])

    expect(stderr).toContain('read at the start')
    expect(stdout).toMatch(/^ready after [\d.]+ m?s \(its log matched\)$/m)
    const trace = await readTrace(join(box.folder, 'trace.json'))
    const paths = trace.files.map(({ path }) => path)
    expect(paths).toEqual(expect.arrayContaining(['bin/busybox', 'bin/sh', 'app.txt']))
    expect(paths).not.toContain('later.txt')
  })

  test('optimize prefetches those files, writes to a registry, and verify finds nothing wrong', async () => {
    const target = `docker://${registry.host}/app:esgz`
    const { stdout } = await succeeds(['optimize', image, target, '--trace', 'trace.json', '--explain'])

    expect(stdout).toMatch(/app\.txt\s+zone/)
    expect(stdout).toMatch(/sha256:[0-9a-f]{64}/)
    expect((await succeeds(['verify', target])).stdout).toMatch(/is sound: 2 layers/)
    expect((await succeeds(['inspect', target])).stdout).toMatch(/eStargz/)
  })

  test('optimize says what it did as JSON, too', async () => {
    const { stdout } = await succeeds(['optimize', image, 'oci:json', '--trace', 'trace.json', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      layers: [{ how: 'converted' }, { how: 'converted' }],
      missing: [],
    })
  })

  test('optimize without a trace records one first', async () => {
    const { stdout } = await succeeds(['optimize', image, 'oci:direct:latest', ...start])
    expect(stdout).toMatch(/files of the start are prefetched/)
  })

  test('bench measures three arms, and report makes one page of it', async () => {
    await succeeds(['optimize', image, 'oci:optimized', '--trace', 'trace.json'])
    const args = ['bench', image, 'oci:optimized', '--network', 'none', '--ready-log', '^served']
    const { stdout } = await succeeds([
      ...args,
      '-e',
      'TOKEN=hunter2',
      '--samples',
      '1',
      '--warmups',
      '0',
      '--link',
      'lan',
    ])

    expect(stdout).toMatch(/legacy.*\n.*lazy.*\n.*optimized/)
    const bench = await readBench(join(box.folder, 'bench.json'))
    expect(bench.samples.map(({ arm }) => arm).sort()).toEqual(['lazy', 'legacy', 'optimized'])
    // By its layers a measurement is paired with a trace from an engine, where the image has another digest.
    const { image: traced } = await readTrace(join(box.folder, 'trace.json'))
    expect(traced.diffIds).toHaveLength(2)
    expect(bench.images.original?.diffIds).toEqual(traced.diffIds)
    await succeeds(['report', 'trace.json', 'bench.json'])
    const page = await readFile(join(box.folder, 'report.html'), 'utf8')
    expect(page).toMatch(/^<!doctype html>/)
    for (const text of [page, stdout, JSON.stringify(bench)]) expect(text).not.toContain('hunter2')
  })

  test('bench says from its beginning what it will do and how far it is, and --quick that its samples are too few', async () => {
    const args = ['bench', image, 'oci:optimized', '--network', 'none', '--ready-log', '^served']
    const { stdout, stderr } = await succeeds([...args, '--link', 'lan', '--quick', '-o', 'quick.json'])
    expect(stderr).toMatch(
      /^6 samples of legacy, lazy, optimized: about \d+ s, once the images are prepared\n/,
    )
    expect(stderr).toMatch(/^sample 1 of 6: legacy, about \d+ s left$/m)
    expect(stdout).toMatch(/^Two samples can’t tell chance from a difference\./m)
    const { samples, warmups } = await readBench(join(box.folder, 'quick.json'))
    expect({ samples: samples.length, warmups }).toEqual({ samples: 6, warmups: 0 })
    expect((await box.run([...args, '--quick', '--samples', '3'])).status).toBe(2)
  })

  test('trace export finds the image that the trace names', async () => {
    const { stdout } = await succeeds(['trace', 'export', 'trace.json', '-o', 'record.json'])
    expect(stdout).toMatch(/^\d+ files, written to record\.json$/m)
    expect(await readFile(join(box.folder, 'record.json'), 'utf8')).toContain('"bin/busybox"')
  })

  test('a limit that is exceeded ends with 3', async () => {
    const args = [
      'bench',
      image,
      'oci:optimized',
      '--network',
      'none',
      '--ready-log',
      '^served',
      '--arms',
      'optimized',
    ]
    const few = ['--samples', '1', '--warmups', '0', '--budget', 'bytes=1kB']
    const page = join(box.folder, 'summary.md')
    await writeFile(page, '# Earlier steps\n')
    const { status, stdout } = await box.run([...args, ...few], { env: { GITHUB_STEP_SUMMARY: page } })
    expect(stdout).toMatch(/bytes.*EXCEEDED/)
    expect(status).toBe(3)
    expect(await readFile(page, 'utf8')).toMatch(
      /^# Earlier steps\n\| arm \|[\s\S]*\| optimized \|[\s\S]*\*\*1 of 1 limits are exceeded/,
    )
  })

  test('a job summary that cannot be written is no reason to fail', async () => {
    const args = ['bench', image, 'oci:optimized', '--network', 'none', '--ready-log', '^served']
    const few = ['--arms', 'optimized', '--samples', '1', '--warmups', '0', '--format', 'benchmark-action']
    const env = { GITHUB_STEP_SUMMARY: join(box.folder, 'none/summary.md') }
    const { status, stdout, stderr } = await box.run([...args, ...few], { env })
    expect(stderr).toMatch(/warning: the job's summary can't be written/)
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ name: 'optimized: requests until ready' }),
    )
    expect(status).toBe(0)
  })
})

describe('a trace of another image', () => {
  test('some of its files are there: it works, with a warning', async () => {
    const trace = await readTrace(join(box.folder, 'trace.json'))
    const [file] = trace.files
    const other = {
      ...trace,
      image: { ...trace.image, digest: 'sha256:other', diffIds: ['sha256:other'] },
      files: [...trace.files, { ...file, path: 'opt/gone', order: trace.files.length }],
    }
    await writeFile(join(box.folder, 'other.json'), JSON.stringify(other))

    const { stderr, stdout } = await succeeds(['optimize', image, 'oci:other', '--trace', 'other.json'])

    expect(stderr).toMatch(
      /warning: the trace is of another image: \d+ of its \d+ files are in this one, and cover [\d.]+ % of/,
    )
    expect(stdout).toMatch(/1 file of the trace is not in the image: opt\/gone/)
  })

  test('none is: it fails', async () => {
    const trace = await readTrace(join(box.folder, 'trace.json'))
    const files = trace.files.slice(0, 3).map((each, order) => ({ ...each, path: `opt/${order}`, order }))
    await writeFile(join(box.folder, 'none.json'), JSON.stringify({ ...trace, files }))
    const { status, stderr } = await box.run(['optimize', image, 'oci:none', '--trace', 'none.json'])
    expect(status).toBe(4)
    expect(stderr).toMatch(/0 of the 3 files/)
  })
})
