/** `headstart run` and what it keeps; registries that fail it; and commands that are killed. */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../../scripts/support/until.ts'
import { runCommand } from '../../../system/process/command.ts'
import { listProcesses, type Process } from '../../../system/process/processes.ts'
import { type Fault, type FaultProxy, startFaultProxy } from '../../image/registry/fault-proxy.ts'
import type { Outcome } from '../../support/headstart.ts'
import { file } from '../../support/tar.ts'
import { type RunBox, runBox } from '../run-box.ts'

/** Not in the zone, and too large to come along with the table of contents. */
const BIG = file('big', randomBytes(2 << 20))

let around: RunBox
let proxy: FaultProxy
/** of every request for a blob, from now on */
let fault: Fault | undefined

beforeAll(async () => {
  around = await runBox([BIG])
  proxy = await startFaultProxy(around.registry.host, (_, { path }) =>
    path.includes('/blobs/') ? fault : undefined,
  )
})

afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await around[Symbol.asyncDispose]()
})

const image = () => around.lazy.replace(around.registry.host, proxy.host)
const CACHED = ['run', '--engine', 'runc', '--no-background']
const cached = (...args: string[]) => around.box.run([...CACHED, ...args])

/** Blobs that were asked for since. */
const blobsSince = (index: number) => proxy.seen.slice(index).filter(({ path }) => path.includes('/blobs/'))

describe('a cache', () => {
  /** Runs until nothing more is fetched: a run that ends leaves to the next one what the disk has not taken by then. */
  async function filled(folder: string): Promise<Outcome> {
    let outcome: Outcome | undefined
    await until('the cache has all of it', async () => {
      const before = proxy.seen.length
      outcome = await cached('--cache', folder, image(), 'md5sum', '/big')
      expect(outcome.status, outcome.stderr).toBe(0)
      return blobsSince(before).length === 0
    })
    return outcome ?? expect.fail()
  }

  test('a run whose image is there asks for no more than the manifest, and what is attached', async () => {
    const folder = join(around.box.folder, 'filled')
    await filled(folder)
    expect((await readdir(folder, { recursive: true })).length).toBeGreaterThan(5)
    const before = proxy.seen.length
    const { stderr } = await around.box.run(
      [...CACHED, '--cache', folder, '-i', image(), 'sh', '-c', 'md5sum /big; cat'],
      {
        input: 'typed',
        meanwhile: (child) => until('it is said', () => child.stderr().includes('read lazily')),
      },
    )
    expect(stderr).toMatch(/read lazily: 2 layers, .* cached$/m)
    expect(blobsSince(before)).toEqual([])
  })

  test('two at once share it', async () => {
    const outcomes = await Promise.all(
      [1, 2].map(() => cached('--cache', join(around.box.folder, 'shared'), image(), 'md5sum', '/big')),
    )
    const [first, second] = outcomes.map(({ status, stdout }) => ({ status, stdout }))
    expect(first).toEqual({ status: 0, stdout: expect.stringMatching(/^[0-9a-f]{32} {2}\/big\n$/) })
    expect(second).toEqual(first)
  })

  test('what somebody damaged is fetched again', async () => {
    const folder = join(around.box.folder, 'damaged')
    const { stdout } = await filled(folder)
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((each) =>
      each.isFile(),
    )
    for (const { parentPath, name } of files) await writeFile(join(parentPath, name), 'damaged')
    expect(await cached('--cache', folder, image(), 'md5sum', '/big')).toMatchObject({ status: 0, stdout })
  })

  test('one that others could write to is refused', async () => {
    const folder = join(around.box.folder, 'open')
    await mkdir(folder)
    await runCommand('chmod', ['777', folder])
    const { status, stderr } = await cached('--cache', folder, image())
    expect(status).toBe(125)
    expect(stderr).toMatch(/^headstart: the cache folder .*open is not safe to use/m)
  })

  test('what is no file there is not waited for, or read without end', async () => {
    const folder = join(around.box.folder, 'special')
    const run = () => cached('--cache', folder, image(), 'md5sum', '/big')
    const { stdout } = await run()
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((each) =>
      each.isFile(),
    )
    for (const [index, { parentPath, name }] of files.entries()) {
      const path = join(parentPath, name)
      await rm(path)
      if (index % 3 === 0) await runCommand('mkfifo', [path])
      else if (index % 3 === 1) await symlink('/dev/zero', path)
      else await mkdir(path)
    }
    expect(await run()).toMatchObject({ status: 0, stdout })
  })

  test('one that can’t be written is refused; one of no size is none', async () => {
    const folder = join(around.box.folder, 'read-only')
    await mkdir(folder)
    await runCommand('mount', ['-t', 'tmpfs', '-o', 'ro,mode=0700', 'none', folder])
    const refused = await cached('--cache', folder, image())
    const without = await cached('--cache', folder, '--cache-size', '0', image())
    await runCommand('umount', [folder])
    expect(refused.stderr).toMatch(
      /^headstart: the cache folder .*read-only can't be used: the file system is read-only/m,
    )
    expect(refused.status).toBe(125)
    expect(without).toMatchObject({ status: 0, stdout: 'hello\n' })
  })

  test('a full disk keeps nothing from running', async () => {
    const folder = join(around.box.folder, 'small')
    await mkdir(folder)
    await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=100k,mode=0700', 'none', folder])
    const { status, stdout, stderr } = await cached('--cache', folder, image(), 'md5sum', '/big')
    await runCommand('umount', [folder])
    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/ \/big$/m)
  })
})

describe('a registry that fails once the container runs', () => {
  test.each<[Fault]>([['corrupt answer'], [{ status: 404 }]])('%j', async (later) => {
    const go = join(around.box.folder, `go-${JSON.stringify(later).length}`)
    await mkdir(go)
    const script = 'echo up; until [ -e /mnt/now ]; do sleep 0.05; done; cat /big | wc -c; echo read'
    const outcome = await around.run(
      ['--engine', 'runc', '--no-background', '-v', `${go}:/mnt`, image(), 'sh', '-c', script],
      {
        meanwhile: async (child) => {
          await until(
            'it is up',
            () => child.stdout().includes('up') && child.stderr().includes('read lazily'),
          )
          fault = later
          await writeFile(join(go, 'now'), '')
        },
      },
    )
    fault = undefined
    expect(outcome).toMatchObject({ status: 0, stdout: 'up\n0\nread\n' })
    expect(outcome.stderr).toMatch(/^cat: read error: (I\/O|Input\/output) error$/m)
    expect(outcome.stderr).toMatch(/^warning: the container could not read all of its image: /m)
    expect(await around.box.leftovers()).toEqual([])
  })
})

/** Of contents, each in one request: one a layer. */
const TABLES = 2

test.each(['docker', 'runc'])('%s: a start that can’t read its image says why', async (engine) => {
  let ranges = 0
  await using bad = await startFaultProxy(around.registry.host, (_, { headers }) => {
    if (headers.range !== undefined) ranges += 1
    return ranges > TABLES ? { status: 404 } : undefined
  })
  const name = around.lazy.replace(around.registry.host, bad.host)
  const { status, stderr } = await around.run(['--engine', engine, '-u', '0', name])
  expect(status).toBe(125)
  expect(stderr).toMatch(
    /^headstart: the container can't be started: its image could not be read: [^\n]*\n$/m,
  )
  expect(await around.box.leftovers()).toEqual([])
})

test.each(['docker', 'runc'])('%s: what a killed command left the next one removes', async (engine) => {
  await around.run(['--engine', engine, image(), 'sh', '-c', 'echo up; sleep 600'], {
    meanwhile: async (child) => {
      await until('it is up', () => child.stdout().includes('up') && child.stderr().includes('read lazily'))
      child.kill('SIGKILL')
    },
  })
  expect(await around.box.leftovers()).not.toEqual([])
  expect(await around.run(['--engine', engine, image(), 'echo', 'next'])).toMatchObject({
    status: 0,
    stdout: 'next\n',
  })
  expect(await around.box.leftovers()).toEqual([])
})

test.each(['docker', 'runc'])(
  '%s: a mount process that is killed ends the run, and it is said',
  async (engine) => {
    const { status, stderr } = await around.run(
      ['--engine', engine, image(), 'sh', '-c', 'echo up; sleep 600'],
      {
        meanwhile: async (child) => {
          await until(
            'it is up',
            () => child.stdout().includes('up') && child.stderr().includes('read lazily'),
          )
          const processes = await listProcesses()
          const command = processes.find(({ args }) => args.includes('run') && args.includes(image()))
          const isServer = ({ parent, args }: Process) =>
            parent === command?.pid && args.some((arg) => arg.endsWith('mount/server.ts'))
          const server = processes.find(isServer)
          if (server === undefined) throw new Error('no mount process')
          process.kill(server.pid, 'SIGKILL')
        },
      },
    )
    expect(status).toBe(125)
    expect(stderr).toMatch(/^headstart: the mount process was killed by SIGKILL$/m)
    expect(await around.box.leftovers()).toEqual([])
  },
)

test('a name that is taken is said, unless it was a killed command’s', async () => {
  const start = ['--engine', 'docker', '--name', `of-killed-${process.pid}`, image()]
  await around.run([...start, 'sh', '-c', 'echo up; sleep 600'], {
    meanwhile: async (child) => {
      await until('it is up', () => child.stdout().includes('up') && child.stderr().includes('read lazily'))
      const { status, stderr } = await around.run([...start, 'true'])
      expect({ status, stderr }).toMatchObject({
        status: 125,
        stderr: expect.stringMatching(/name .* is already in use/),
      })
      child.kill('SIGKILL')
    },
  })
  expect(await around.run([...start, 'echo', 'next'])).toMatchObject({ status: 0, stdout: 'next\n' })
})
