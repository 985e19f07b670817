/** `headstart run`, as docker run is used: its output, its status, and what it says about itself. */
import { mkdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../../scripts/support/until.ts'
import { ignoreMissing } from '../../../tracer/container/docker/errors.ts'
import { dockerEngine } from '../../support/engine.ts'
import { type RunBox, runBox } from '../run-box.ts'

let around: RunBox
let [lazy, plain] = ['', '']

beforeAll(async () => {
  around = await runBox()
  ;({ lazy, plain } = around)
})

afterAll(() => around[Symbol.asyncDispose]())

const run = (...args: string[]) => around.run(args)

describe.each(['docker', 'runc'])('%s', (engine) => {
  test('the container’s output is the command’s, and what is said besides is one line', async () => {
    const script = 'echo hello; echo problem >&2; cat'
    const outcome = await around.run(['-i', '--engine', engine, lazy, 'sh', '-c', script], {
      input: 'typed',
      // What is prefetched is the registry's to say, which may take longer than a container; by then that may have read it itself.
      meanwhile: (child) => until('it is said', () => child.stderr().includes('read lazily')),
    })
    expect(outcome).toEqual({
      status: 0,
      stdout: 'hello\n',
      stderr: expect.stringMatching(
        /^(problem\n)?read lazily: 2 layers, (\S+ .B prefetched by its prioritized zone|the files of its prioritized zone are cached)\n(problem\n)?$/,
      ),
    })
    expect(await around.box.leftovers()).toEqual([])
  })

  test.each([
    [['sh', '-c', 'exit 7'], 7],
    [['sh', '-c', 'exit 255'], 255],
    [['not-there'], 127],
    [['/etc/passwd'], 126],
  ])('%j: its status is the command’s', async (command, status) => {
    const outcome = await run('--engine', engine, '-u', 'root', lazy, '--', ...command)
    expect(outcome.status, outcome.stderr).toBe(status)
    expect(outcome.stdout).toBe('')
    expect(await around.box.leftovers()).toEqual([])
  })

  test('options after the image are the container’s, and input comes to its end', async () => {
    const outcome = await around.run(
      [
        '-q',
        '-i',
        '-e',
        'A=b',
        '--engine',
        engine,
        lazy,
        'sh',
        '-c',
        'echo $A $0 $1; id -un; cat',
        '-q',
        '-e',
      ],
      { input: 'typed\n' },
    )
    expect(outcome).toEqual({ status: 0, stdout: 'b -q -e\nweb\ntyped\n', stderr: '' })
  })
})

test('what is not eStargz is pulled by the engine, and said why; the next time it is there', async () => {
  const first = await run('--engine', 'docker', plain)
  expect(first).toMatchObject({ status: 0, stdout: 'hello\n' })
  expect(first.stderr).toMatch(
    /^pulling it whole, since layer 1 of 2 can't be read lazily: it is not an eStargz layer; convert it with: headstart optimize$/m,
  )
  const second = await run(plain)
  expect(second).toMatchObject({ status: 0, stdout: 'hello\n' })
  expect(second.stderr).toContain(`${plain} is in the Docker engine: started from there`)
  expect(await around.box.leftovers()).toEqual([])
})

test('its ID is written to a file, which is not there yet', async () => {
  const file = join(around.box.folder, 'id')
  expect((await run('--cidfile', file, '--name', `of-a-test-${process.pid}`, lazy)).status).toBe(0)
  expect(await readFile(file, 'utf8')).toMatch(/^[0-9a-f]{64}$/)
  const again = await run('--cidfile', file, lazy)
  expect(again).toMatchObject({ status: 125, stderr: expect.stringContaining(`--cidfile ${file} exists`) })
})

test('it needs nothing but Docker: neither runc nor libfuse nor another program than mount and umount', async () => {
  const folder = join(around.box.folder, 'programs')
  await mkdir(folder)
  for (const program of ['mount', 'umount']) await symlink(`/usr/bin/${program}`, join(folder, program))
  const noLibrary = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (name === 'fuse-native') throw new Error('no library')
      return next(name, context)
    } })`
  const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(noLibrary)}`
  const outcome = await around.run([lazy], { env: { PATH: folder, NODE_OPTIONS } })
  expect(outcome).toMatchObject({
    status: 0,
    stdout: 'hello\n',
    stderr: expect.stringMatching(/^read lazily: /m),
  })
})

test.each(['docker', 'runc'])('%s: without FUSE the image is run whole, and said why', async (engine) => {
  const hide =
    'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 && exec "$@"'
  const outcome = await around.run(['--engine', engine, `docker://${lazy}`], {
    under: ['unshare', '--mount', 'sh', '-c', hide, 'sh'],
  })
  await ignoreMissing((await dockerEngine()).getImage(lazy).remove({ force: true }))
  expect(outcome).toMatchObject({ status: 0, stdout: 'hello\n' })
  expect(outcome.stderr).toMatch(
    /^(pulling|unpacking) it whole, since FUSE is not available: \/dev\/fuse is missing; load it with: modprobe fuse$/m,
  )
  expect(await around.box.leftovers()).toEqual([])
})

test('without an engine it is unpacked', async () => {
  const outcome = await run('--engine', 'runc', '-q', `docker://${plain}`)
  expect(outcome).toEqual({ status: 0, stdout: 'hello\n', stderr: 'problem\n' })
})

test('one for another platform is not run, wherever it is', async () => {
  for (const args of [[lazy], [plain], ['--engine', 'runc', `docker://${plain}`]]) {
    const { status, stdout, stderr } = await run('--platform', 'linux/s390x', ...args)
    expect({ status, stdout }, stderr).toEqual({ status: 125, stdout: '' })
    expect(stderr).toMatch(/^headstart: \S+ has no image for linux\/s390x$/m)
  }
})

test.each([
  [['--not-an-option', 'x'], /^error: unknown option '--not-an-option'$/m],
  [['--restart', 'always', 'x'], /^headstart: --restart is not supported/m],
  [['-t', '-i', 'x'], /^headstart: the input is not a terminal/m],
  [['--ulimit', 'x', 'y'], /^headstart: --ulimit "x" is not valid$/m],
  [['--cidfile', '/nowhere/id', 'x'], /^headstart: .*\/nowhere/m],
  [['oci:/nowhere:1'], /^headstart: .*\/nowhere/m],
])('%j: what headstart itself can’t do ends with 125', async (args, complaint) => {
  const { status, stderr, stdout } = await run(...args)
  expect({ status, stdout, stderr }).toEqual({
    status: 125,
    stdout: '',
    stderr: expect.stringMatching(complaint),
  })
})
