/**
 * What a program finds around it in a container: `prober/` calls every system call, and looks at capabilities, mounts, devices,
 * environment, namespaces. Limits (ulimit) aren't an engine's to say: they are those of whoever starts the container, its daemon or us.
 */
import { readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type Docker from 'dockerode'
import { z } from 'zod'
import { unpackLayers } from '../../image/rootfs/unpack/layers.ts'
import { openSource } from '../../image/sources.ts'
import type { Image } from '../../image/types.ts'
import { buildGo } from '../../scripts/support/go.ts'
import { createWorkspace } from '../../system/workspace.ts'
import type { RunOptions } from '../../tracer/container/options/run-options.ts'
import { runcEngine } from '../../tracer/container/runc/engine.ts'
import { startContainer } from '../../tracer/container/start.ts'
import { mountWritable } from '../../tracer/mount/stack-rootfs.ts'
import { busyboxRoot, writeImage } from '../support/images.ts'
import { file } from '../support/tar.ts'

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
export type Surroundings = z.infer<typeof surroundings>

/** An image that tells what it finds. @param folder for it */
export async function proberImage(folder: string): Promise<Image> {
  const prober = await readFile(await buildGo(new URL('prober/', import.meta.url).pathname))
  const reference = await writeImage(folder, {
    layers: [await busyboxRoot(), [file('prober', prober, { mode: 0o755 })]],
    config: { Env: ['PATH=/bin', 'A=b'], Cmd: ['/prober'] },
  })
  await using source = await openSource(reference)
  return source.image()
}

export async function inDocker(docker: Docker, config: Docker.ContainerCreateOptions): Promise<Surroundings> {
  const container = await docker.createContainer(config)
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

export async function inRunc(image: Image, run: RunOptions): Promise<Surroundings> {
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
  await started.container.exited
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

/**
 * Equal where nothing can be told apart, but for what the engine's release doesn't say yet.
 * @returns the engine's and ours
 */
export const compared = (theirs: Surroundings, ours: Surroundings) => [
  comparable(withoutLater(theirs, ours)),
  comparable(ours),
]

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']
const OURS: Readonly<Record<string, string>> = Object.fromEntries(
  NAMESPACES.map((name) => [name, readlinkSync(`/proc/self/ns/${name}`)]),
)

/** The root is our overlay; paths and names hold ids of containers; masked since Docker 28: what tells the processor's heat. */
function comparable({ mounts, files, environment, namespaces, ...rest }: Surroundings) {
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
    namespaces: Object.fromEntries(
      Object.entries(namespaces).map(([name, link]) => [name, link === OURS[name] ? 'ours' : 'its own']),
    ),
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
