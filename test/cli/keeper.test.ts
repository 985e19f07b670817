/** `headstart run -d`: the container runs on without the command, and nothing stays once it has ended. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HANG_MS, until } from '../../scripts/support/until.ts'
import { runCommand } from '../../system/process/command.ts'
import { listProcesses } from '../../system/process/processes.ts'
import { dockerEngine } from '../support/engine.ts'
import { type RunBox, runBox } from './run-box.ts'

const SECRET = randomBytes(9).toString('hex')
/** The engine is everybody's. */
const NAME = `of-keeper-${process.pid}`
let around: RunBox
beforeAll(async () => {
  around = await runBox()
})
afterAll(() => around[Symbol.asyncDispose]())

const untilClean = () => until('nothing is left', async () => (await around.box.leftovers()).length === 0)

test('its ID is printed once it runs; docker stop ends it, and what it needed', async () => {
  const script = 'trap "exit 3" QUIT; echo up; while :; do cat /app.txt >/dev/null; sleep 0.05; done'
  const { status, stdout, stderr } = await around.run(
    [
      '-d',
      '--name',
      NAME,
      '--label',
      'of.both=run',
      '-e',
      `PASSWORD=${SECRET}`,
      '-P',
      around.lazy,
      'sh',
      '-c',
      script,
    ],
    { env: { HEADSTART_PARENT: '1' } },
  )
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: expect.stringMatching(/^[0-9a-f]{64}\n$/),
    stderr: expect.stringMatching(/^read lazily: /),
  })
  // Anybody can read command lines.
  const lines = (await listProcesses()).map(({ args }) => args.join(' '))
  expect(lines.filter((line) => line.includes(SECRET))).toEqual([])
  const docker = await dockerEngine()
  const container = docker.getContainer(NAME)
  expect((await container.inspect()).Id).toBe(stdout.trim())
  await until(
    'the engine keeps its output',
    async () => (await runCommand('docker', ['logs', NAME])) === 'up\n',
  )
  expect((await container.inspect()).Config).toMatchObject({
    Env: expect.arrayContaining([`PASSWORD=${SECRET}`]),
    Image: expect.stringMatching(/^headstart-shell\/lazy:1\.headstart-\d+-\w+$/),
    Labels: { 'of.image': 'yes', 'of.both': 'run', 'headstart.image': around.lazy },
    Healthcheck: { Test: ['CMD', 'true'], Interval: 3_600_000_000_000 },
    ExposedPorts: { '8080/tcp': {} },
    StopSignal: 'SIGQUIT',
  })
  const ended = container.wait()
  await container.stop({ t: HANG_MS / 1000 }) // by its signal, and not killed where that takes a while
  expect(await ended).toMatchObject({ StatusCode: 3 })
  await untilClean()
  await expect(container.inspect()).rejects.toMatchObject({ statusCode: 404 })
})

test('one that can’t be started is said here, with its status', async () => {
  const { status, stdout, stderr } = await around.run(['-d', around.lazy, 'not-there'])
  expect({ status, stdout }).toEqual({ status: 127, stdout: '' })
  expect(stderr).toMatch(/^headstart: the Docker engine refused the container: exec: "not-there"/m)
  await untilClean()
})

test('Ctrl-C before it runs ends it', async () => {
  for (const ms of [100, 300, 500, 700]) {
    const { status, stdout } = await around.run(['-d', around.lazy, 'sleep', '600'], {
      meanwhile: async (child) => {
        await sleep(ms)
        child.kill('SIGINT')
      },
    })
    if (status === 0 && stdout !== '') await (await dockerEngine()).getContainer(stdout.trim()).kill()
    await untilClean()
  }
})

test('a runc that nobody could stop is refused', async () => {
  const { status, stderr } = await around.run(['-d', '--engine', 'runc', around.lazy])
  expect({ status, stderr }).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('does not support -d'),
  })
})
