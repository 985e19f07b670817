/** Ctrl-C, at any moment: nothing of ours stays, and a recording that has begun is kept. Kills: the next command cleans up. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveImages } from '../../image/serve.ts'
import { openSource } from '../../image/sources.ts'
import { readBench } from '../../report/bench/file.ts'
import { until } from '../../scripts/support/until.ts'
import { runCommand } from '../../system/process/command.ts'
import { readTrace } from '../../tracer/trace/file.ts'
import { engineLeftovers, type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'

let box: Sandbox
let image: string

beforeAll(async () => {
  box = await sandbox()
  image = await busyboxImage(join(box.folder, 'image'), { command: 'echo started; sleep 600' })
})

afterAll(async () => {
  await box[Symbol.asyncDispose]()
})

const profile = (...more: string[]) => ['profile', image, '--engine', 'runc', '--network', 'none', ...more]

test('the first Ctrl-C ends the recording and keeps the trace, and a script sees that it did', async () => {
  const { status, stderr } = await box.run(profile('--period', '600s', '-o', 'kept.json'), {
    meanwhile: async (child) => {
      await until('it started', () => child.stderr().includes('started'))
      child.kill('SIGINT')
    },
  })
  expect(status, stderr).toBe(130)
  expect(stderr).toMatch(
    /headstart: interrupted: the trace holds what was read until then\n.*--until-interrupt/,
  )
  const trace = await readTrace(join(box.folder, 'kept.json'))
  expect(trace.run.ready.by).toBe('interrupt')
  expect(trace.files.map(({ path }) => path)).toContain('bin/busybox')
  expect(await box.leftovers()).toEqual([])
})

test('where Ctrl-C is how the recording ends, that is success', async () => {
  const optimize = ['optimize', image, 'oci:until', '--engine', 'runc', '--network', 'none']
  for (const command of [profile('-o', 'until.json'), optimize]) {
    const { status, stderr } = await box.run([...command, '--until-interrupt'], {
      meanwhile: async (child) => {
        // It may be before the command itself has noticed that the container runs.
        await until('it started', () => child.stderr().includes('started'))
        child.kill('SIGINT')
      },
    })
    expect(status, stderr).toBe(0)
    expect(stderr).toContain('press Ctrl-C to end the recording')
  }
  expect((await readTrace(join(box.folder, 'until.json'))).run.ready.by).toBe('interrupt')
})

test('Ctrl-C while optimize records makes no image of half a start', async () => {
  const args = ['optimize', image, 'oci:dropped', '--engine', 'runc', '--network', 'none', '--period', '600s']
  const { status, stderr } = await box.run(args, {
    meanwhile: async (child) => {
      await until('it started', () => child.stderr().includes('started'))
      child.kill('SIGINT')
    },
  })
  expect(status, stderr).toBe(130)
  expect(existsSync(join(box.folder, 'dropped/index.json'))).toBe(false)
  expect(await box.leftovers()).toEqual([])
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  'a measurement that %s ends keeps its samples and says that it is incomplete',
  async (signal, expected) => {
    const out = join(box.folder, `${signal}.bench.json`)
    const args = ['bench', image, image, '--arms', 'legacy', '--network', 'none', '--ready-log', 'started']
    const more = ['--link', 'none', '--samples', '100', '--warmups', '0', '-o', out]
    const { status, stdout, stderr } = await box.run([...args, ...more], {
      meanwhile: async (child) => {
        await until('it has a sample', () => existsSync(out) || child.stderr().includes('headstart:'))
        child.kill(signal)
      },
    })
    expect(status, stderr).toBe(expected)
    expect(stderr).toMatch(/warning: incomplete: \d+ of 100 samples were taken/)
    expect(stdout).toMatch(/^legacy /m)
    expect((await readBench(out)).interrupted).toBe(true)
    expect(await box.leftovers()).toEqual([])
  },
)

test.each(['SIGTERM', 'SIGHUP'] as const)('%s drops everything', async (signal) => {
  const { status, stderr } = await box.run(profile('--period', '600s', '-o', `${signal}.json`), {
    meanwhile: async (child) => {
      await until('it started', () => child.stderr().includes('started'))
      child.kill(signal)
    },
  })
  expect(status).toBe(signal === 'SIGTERM' ? 143 : 129)
  expect(stderr).toMatch(/interrupted/)
  expect(existsSync(join(box.folder, `${signal}.json`))).toBe(false)
  expect(await box.leftovers()).toEqual([])
})

test('the first Ctrl-C while layers are fetched ends the command: there is nothing to keep yet', async () => {
  await using source = await openSource(image)
  const whole = await source.image()
  const asked = Promise.withResolvers<void>()
  const open = async () => {
    asked.resolve()
    return new PassThrough() // a registry that begins to answer, and stops
  }
  await using server = await serveImages({
    'app:1': { ...whole, layers: whole.layers.map((layer) => ({ ...layer, open })) },
  })
  const args = ['profile', `docker://${server.host}/app:1`, '--engine', 'runc', '--network', 'none']
  const { status, stderr } = await box.run(args, {
    meanwhile: async (child) => {
      await asked.promise
      child.kill('SIGINT')
    },
  })
  expect(status, stderr).toBe(130)
  expect(stderr).toMatch(/interrupted/)
  expect(await box.leftovers()).toEqual([])
})

test.each([
  ['SIGQUIT', 131],
  ['SIGUSR1', 138],
  ['SIGUSR2', 140],
  ['SIGALRM', 142],
] as const)(
  '%s ends a command that has made something, and nothing of it stays',
  async (signal, expected) => {
    const { status, stderr } = await box.run(profile('--period', '600s'), {
      meanwhile: async (child) => {
        await until('it started', () => child.stderr().includes('started'))
        child.kill(signal)
      },
    })
    expect(status, stderr).toBe(expected)
    expect(stderr).toMatch(/interrupted/)
    expect(stderr).not.toMatch(/debugg/i)
    expect(await box.leftovers()).toEqual([])
  },
)

/** From before the command has loaded to after it should have ended. */
const MOMENTS_MS = [60, 150, 250, 350, 450, 550, 650, 800, 1000, 1300]

test('Ctrl-C twice at any moment leaves nothing', async () => {
  for (const ms of MOMENTS_MS) {
    await box.run(profile('--period', '1s'), {
      meanwhile: async (child) => {
        await sleep(ms)
        child.kill('SIGINT')
        await sleep(20) // two at once are one
        child.kill('SIGINT')
      },
    })
    expect(await box.leftovers(), `after ${ms} ms`).toEqual([])
  }
})

test('Ctrl-C while it optimizes leaves neither folders nor half an image', async () => {
  for (const ms of [250, 350, 450]) {
    const folder = join(box.folder, `half-${ms}`)
    const { status } = await box.run(['optimize', image, `oci:${folder}`, '--trace', 'kept.json'], {
      meanwhile: async (child) => {
        await sleep(ms)
        child.kill('SIGINT')
      },
    })
    expect(await box.leftovers()).toEqual([])
    // The image may be there already, while what follows it is interrupted.
    const isThere = existsSync(folder)
    if (isThere) expect((await box.run(['verify', `oci:${folder}`])).status).toBe(0)
    expect([isThere, status]).toBeOneOf([
      [true, 0],
      [true, 130],
      [false, 130],
      [false, null],
    ])
  }
})

test('after kill -9 the next command removes what was left', async () => {
  for (const engine of ['runc', 'docker']) {
    await box.run(['profile', image, '--engine', engine, '--period', '600s'], {
      meanwhile: async (child) => {
        await until('it started', () => child.stderr().includes('started'))
        child.kill('SIGKILL')
      },
    })
    const { stdout } = await box.run(['doctor', '--clean'])
    const [, id] = /removed .*\/(headstart-\S+)/.exec(stdout) ?? []
    expect(id).toBeDefined()
    expect(await box.leftovers()).toEqual([])
    expect((await engineLeftovers()).filter((name) => name.includes(String(id)))).toEqual([])
  }
})

test('a mount that somebody else unmounts ends its command', async () => {
  const start = ['--engine', 'runc', '--network', 'none', '--ready-log', 'started']
  expect((await box.run(['optimize', image, 'oci:lazy', ...start])).status).toBe(0)
  const folder = join(box.folder, 'mounted')
  await mkdir(folder)
  const { status, stderr } = await box.run(['mount', 'oci:lazy', folder], {
    meanwhile: async (child) => {
      await until('it is mounted', () => child.stderr().includes('is mounted'))
      expect(existsSync(join(folder, 'bin/busybox'))).toBe(true)
      await runCommand('umount', [folder])
    },
  })
  expect(status, stderr).toBe(0)
  expect(await box.leftovers()).toEqual([])
})
