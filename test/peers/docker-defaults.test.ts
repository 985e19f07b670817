/**
 * Against Docker's own containers: what a program finds around it under runc is what `docker run` would have given it. The program calls
 * every system call, and looks at capabilities, mounts, devices, environment, namespaces. Limits (ulimit) aren't Docker's to say: they are
 * those of whoever starts the container, its daemon or us.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type Docker from 'dockerode'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { copyImage } from '../../image/copy.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import type { Image } from '../../image/types.ts'
import { unpackLayers } from '../../image/unpack.ts'
import { createWorkspace } from '../../image/workspace.ts'
import type { RunOptions } from '../../tracer/engine/run-options.ts'
import { runcEngine } from '../../tracer/engine/runc.ts'
import { mountWritable } from '../../tracer/rootfs.ts'
import { startContainer } from '../../tracer/start.ts'
import { dockerEngine } from '../support/engine.ts'
import { busyboxRoot, writeImage } from '../support/images.ts'
import { file } from '../support/tar.ts'
import { type TempFolder, tempFolder } from '../tracer/temp.ts'
import { buildGo } from './go.ts'

const text = z.record(z.string(), z.string())
const surroundings = z.object({
  calls: text,
  arguments: text,
  status: text,
  namespaces: text,
  files: text,
  writable: z.record(z.string(), z.boolean()),
  mounts: z.array(z.string()),
  devices: z.array(z.string()),
  environment: z.array(z.string()),
})
type Surroundings = z.infer<typeof surroundings>

const NAME = `docker-defaults-${randomBytes(4).toString('hex')}:1`
let temp: TempFolder
let docker: Docker
let image: Image

beforeAll(async () => {
  temp = await tempFolder()
  docker = await dockerEngine()
  const prober = await readFile(await buildGo(new URL('prober/', import.meta.url).pathname))
  const reference = await writeImage(await temp.sub('image'), {
    layers: [await busyboxRoot(), [file('prober', prober, { mode: 0o755 })]],
    config: { Env: ['PATH=/bin', 'A=b'], Cmd: ['/prober'] },
  })
  await using source = await openSource(reference)
  image = await source.image()
  await using target = await openTarget(`docker-daemon:${NAME}`)
  await target.prepare({ force: false })
  await copyImage(image, target)
})

afterAll(async () => {
  await docker.getImage(NAME).remove({ force: true })
  await temp[Symbol.asyncDispose]()
})

async function inDocker(config: Docker.ContainerCreateOptions): Promise<Surroundings> {
  const container = await docker.createContainer({ Image: NAME, ...config })
  try {
    const stdout = new PassThrough()
    const stream = await container.attach({ stream: true, stdout: true, stderr: true })
    docker.modem.demuxStream(stream, stdout, process.stderr)
    stream.on('end', () => stdout.end())
    await container.start()
    return surroundings.parse(JSON.parse((await buffer(stdout)).toString()))
  } finally {
    await container.remove({ force: true })
  }
}

async function inRunc(run: RunOptions): Promise<Surroundings> {
  await using workspace = await createWorkspace()
  const folder = await workspace.sub('image')
  await unpackLayers(image, folder, {})
  await using root = await mountWritable(workspace, folder)
  const output: Buffer[] = []
  await using started = await startContainer({
    engine: runcEngine,
    workspace,
    root: root.folder,
    config: image.config.process,
    command: [],
    run,
    ready: { by: 'exit' },
    onOutput: (_stream, chunk) => output.push(chunk),
  })
  expect(await started.container.exited).toBe(0)
  return surroundings.parse(JSON.parse(Buffer.concat(output).toString()))
}

/**
 * What Docker's profile has said only since a later release than some that are in use, by number or argument: ours is the latest. An
 * engine that has one of these says the same as we do, or what is here.
 */
const LATER: Readonly<Record<string, { readonly before: string; readonly now: string }>> = {
  ...since('EPERM', 'allowed', [303, 310, 311, 329, 330, 331]), // name_to_handle_at, process_vm_readv and writev, pkey_…
  ...since('allowed', 'EPERM', [425, 426, 427]), // io_uring_…: it went round the filter
  ...since('ENOSYS', 'EPERM', [450]), // set_mempolicy_home_node
  ...since('ENOSYS', 'allowed', [451, 452, 453, 454, 455, 456, 457, 458, 462, 463, 464, 465, 466]), // cachestat … removexattrat
  ...since('allowed', 'EPERM', [41]), // socket of a family that isn't: families are listed
  ...since(
    'allowed',
    'EPERM',
    [12, 19, 20, 23, 25, 34, 37, 38, 40].map((family) => `socket ${family}`),
  ),
}

function since(before: string, now: string, calls: readonly (number | string)[]) {
  return Object.fromEntries(calls.map((call) => [String(call), { before, now }]))
}

/** The root is our overlay; paths and names hold ids of containers; masked since Docker 28: what tells the processor's heat. */
function comparable({ mounts, files, environment, ...rest }: Surroundings) {
  return {
    ...rest,
    mounts: mounts
      .filter((line) => !line.startsWith('/ ') && !/^(\/proc\/interrupts|\S+\/thermal_throttle) /.test(line))
      .map((line) => line.replace(/^(\/etc\/\S+) \S+/, '$1'))
      .map(withoutId)
      .sort(),
    files: Object.fromEntries(
      Object.entries(files).map(([path, content]) => [path, withoutComments(withoutId(content))]),
    ),
    environment: environment.map((entry) => entry.replace(/^(HOSTNAME=)[0-9a-f]{12}$/, '$1NAME')).sort(),
    // Which they are is the machine's business; that they are the host's where they should be is told by the names of the others.
    namespaces: Object.keys(rest.namespaces),
  }
}

const withoutId = (text: string): string =>
  text
    .replace(/\/(?:docker\/[0-9a-f]{64}|headstart-\d+-[0-9a-f]+)/g, '/OWN')
    .replace(/^[0-9a-f]{12}$/m, 'NAME')

/** Later engines say in resolv.conf that it is theirs. */
const withoutComments = (text: string): string => text.replace(/^(#.*)?\n/gm, '')

function withoutLater(theirs: Surroundings, ours: Surroundings): Surroundings {
  const adopt = (key: 'calls' | 'arguments') =>
    Object.fromEntries(
      Object.entries(theirs[key]).map(([call, said]) => {
        const later = LATER[call]
        return [call, later?.before === said && later.now === ours[key][call] ? later.now : said]
      }),
    )
  return { ...theirs, calls: adopt('calls'), arguments: adopt('arguments') }
}

test.each<[string, RunOptions, Docker.ContainerCreateOptions]>([
  ['without network', { network: 'none' }, { HostConfig: { NetworkMode: 'none' } }],
  [
    'on the host’s network, as another user',
    { network: 'host', user: 'web', env: ['A=c'] },
    { HostConfig: { NetworkMode: 'host' }, User: 'web', Env: ['A=c'] },
  ],
  [
    'with capabilities, mounts, memory, names',
    {
      network: 'none',
      capAdd: ['SYS_ADMIN', 'SYS_PTRACE'],
      shmBytes: 1 << 20,
      memoryBytes: 1 << 28,
      addHosts: ['db.test:10.1.2.3'],
      binds: [
        { type: 'tmpfs', source: '', target: '/scratch', readOnly: false, options: ['size=2m', 'exec'] },
        { type: 'bind', source: '/usr/share', target: '/mnt/read', readOnly: true },
        { type: 'bind', source: '/usr/share', target: '/mnt/write', readOnly: false },
      ],
    },
    {
      HostConfig: {
        NetworkMode: 'none',
        CapAdd: ['SYS_ADMIN', 'SYS_PTRACE'],
        ShmSize: 1 << 20,
        Memory: 1 << 28,
        ExtraHosts: ['db.test:10.1.2.3'],
        Tmpfs: { '/scratch': 'size=2m,exec' },
        Binds: ['/usr/share:/mnt/read:ro', '/usr/share:/mnt/write'],
      },
    },
  ],
])('%s', async (_name, run, config) => {
  const [theirs, ours] = await Promise.all([inDocker(config), inRunc(run)])
  expect(Object.keys(ours.calls).length).toBeGreaterThan(450)
  expect(Object.values(ours.calls).filter((said) => said === 'EPERM').length).toBeGreaterThan(10)
  expect(comparable(ours)).toEqual(comparable(withoutLater(theirs, ours)))
})

test('a privileged container may what we may, and finds the machine’s devices', async () => {
  const { status, devices, writable } = await inRunc({ privileged: true })
  const own = /^CapBnd:\s*(\S+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]
  expect(status).toMatchObject({ CapEff: own, Seccomp: '0' })
  expect(devices.join('\n')).toMatch(/^\/dev\/fuse D\S+ 0:0 0xae5 $/m)
  expect(writable).toMatchObject({ '/proc/sys/kernel/hostname': true, '/etc/hosts': true })
})
