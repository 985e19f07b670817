/**
 * Runs a container in the Docker engine. The engine refuses a bind at `/`, so the image it is given is a shell, the root's folders
 * and links without content, and each top-level folder and file of the real root is bound over it.
 */
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import type Docker from 'dockerode'
import { pack } from 'tar-stream'
import { HeadstartError, messageOf } from '../../image/errors.ts'
import { readInside } from '../inside.ts'
import { connectDocker } from './docker-connection.ts'
import type { RunOptions } from './run-options.ts'
import type { Container, ContainerRequest, Engine } from './types.ts'

const LABEL = 'headstart'
const SHELL_REPOSITORY = 'headstart-shell'
/** The engine mounts these itself. */
const ENGINE_FOLDERS = new Set(['proc', 'sys', 'dev'])
/** Users and groups are looked up in the image, before the binds are there. */
const LOOKED_UP = ['etc/passwd', 'etc/group']

export const dockerEngine: Engine = {
  name: 'docker',
  async unavailable() {
    try {
      await (await connectDocker()).ping()
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  },
  async run(request) {
    const docker = await connectDocker()
    await using stack = new AsyncDisposableStack()
    const image = await createShell(docker, request)
    stack.defer(() => ignoreMissing(docker.getImage(image).remove({ force: true })))
    const container = await createContainer(docker, request, image)
    stack.defer(() => ignoreMissing(container.remove({ force: true, v: true })))
    await attachOutput(docker, container, request)
    request.signal?.throwIfAborted()
    await request.beforeStart()
    await asRunError(container.start())
    // Not before: a container that wasn't started yet counts as one that has ended.
    const exited = container.wait().then(({ StatusCode }: { StatusCode: number }) => StatusCode)
    exited.catch(() => {}) // whoever awaits it is told; nobody may
    const address = await addressOf(container)
    const owned = stack.move()
    return {
      address,
      ports: new Map(
        (request.options.publish ?? []).map(({ hostPort, containerPort }) => [
          Number(hostPort),
          containerPort,
        ]),
      ),
      exited,
      exec: (command, signal) => execIn(container, command, signal),
      kill: async (signal) => {
        await ignoreMissing(container.kill({ signal }))
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    } satisfies Container
  },
  async sweep(id) {
    if ((await dockerEngine.unavailable()) !== undefined) return // then there is nothing of ours in it
    const docker = await connectDocker()
    const filters = { label: [`${LABEL}=${id}`] }
    for (const { Id } of await docker.listContainers({ all: true, filters }))
      await ignoreMissing(docker.getContainer(Id).remove({ force: true, v: true }))
    await ignoreMissing(docker.getImage(shellName(id)).remove({ force: true }))
  },
}

/**
 * Ids of what is in the engine, whoever's: a request that was under way when its sender was killed is carried out all the same, when the
 * sender's workspace may be gone already.
 */
export async function dockerIds(): Promise<string[]> {
  if ((await dockerEngine.unavailable()) !== undefined) return []
  const docker = await connectDocker()
  const containers = await docker.listContainers({ all: true, filters: { label: [LABEL] } })
  const images = await docker.listImages({ filters: { reference: [SHELL_REPOSITORY] } })
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? [])
  return [
    ...containers.flatMap(({ Labels }) => Labels[LABEL] ?? []),
    ...tags.map((tag) => tag.slice(SHELL_REPOSITORY.length + 1)),
  ]
}

const shellName = (id: string): string => `${SHELL_REPOSITORY}:${id}`

async function createShell(docker: Docker, { id, root, plainRoot }: ContainerRequest): Promise<string> {
  const tar = pack()
  for (const name of await readdir(root)) {
    const stats = await lstat(join(root, name))
    const { mode, uid, gid } = stats
    if (stats.isDirectory()) tar.entry({ name, type: 'directory', mode: mode & 0o7777, uid, gid })
    if (stats.isSymbolicLink()) {
      tar.entry({ name, type: 'symlink', linkname: await readlink(join(root, name)), uid, gid })
    }
  }
  for (const name of LOOKED_UP) {
    const text = await readInside(plainRoot, name)
    if (text !== undefined) tar.entry({ name }, text)
  }
  tar.finalize()
  const name = shellName(id)
  const stream = await asRunError(docker.importImage(Readable.from(tar), { repo: SHELL_REPOSITORY, tag: id }))
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()))
  })
  return name
}

async function createContainer(
  docker: Docker,
  request: ContainerRequest,
  image: string,
): Promise<Docker.Container> {
  const { process: plan, options } = request
  return asRunError(
    docker.createContainer({
      name: request.id,
      Image: image,
      Labels: { [LABEL]: request.id },
      Entrypoint: [plan.args[0] ?? ''],
      Cmd: plan.args.slice(1),
      Env: [...plan.env],
      WorkingDir: plan.cwd,
      User: plan.user,
      Tty: options.tty ?? false,
      OpenStdin: options.interactive ?? false,
      StdinOnce: options.interactive ?? false,
      AttachStdin: options.interactive ?? false,
      ExposedPorts: Object.fromEntries(
        (options.publish ?? []).map((port) => [`${port.containerPort}/${port.protocol}`, {}]),
      ),
      HostConfig: {
        ...hostConfig(options),
        Mounts: [...(await rootBinds(request.root)), ...bindsOf(options)],
      },
    }),
  )
}

async function rootBinds(root: string): Promise<Docker.MountSettings[]> {
  const entries = await readdir(root, { withFileTypes: true })
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isFile()) && !ENGINE_FOLDERS.has(entry.name))
    .map(({ name }) => ({ Type: 'bind', Source: join(root, name), Target: `/${name}` }))
}

const bindsOf = (options: RunOptions): Docker.MountSettings[] =>
  (options.binds ?? []).map(({ type, source, target, readOnly }) => ({
    Type: type,
    Source: source,
    Target: target,
    ReadOnly: readOnly,
  }))

function hostConfig(options: RunOptions): Docker.HostConfig {
  const ports = (options.publish ?? []).map(
    ({ containerPort, protocol, hostIp, hostPort }) =>
      [`${containerPort}/${protocol}`, [{ HostIp: hostIp, HostPort: hostPort }]] as const,
  )
  return {
    PortBindings: Object.fromEntries(ports),
    ExtraHosts: [...(options.addHosts ?? [])],
    Dns: [...(options.dns ?? [])],
    CapAdd: [...(options.capAdd ?? [])],
    Privileged: options.privileged ?? false,
    ...(options.network !== undefined && { NetworkMode: options.network }),
    ...(options.shmBytes !== undefined && { ShmSize: options.shmBytes }),
    ...(options.memoryBytes !== undefined && { Memory: options.memoryBytes }),
    ...(options.gpus !== undefined && {
      DeviceRequests: [{ Count: options.gpus, Capabilities: [['gpu']] }],
    }),
  }
}

async function attachOutput(
  docker: Docker,
  container: Docker.Container,
  request: ContainerRequest,
): Promise<void> {
  const interactive = request.options.interactive ?? false
  const stream = await container.attach({
    stream: true,
    stdout: true,
    stderr: true,
    stdin: interactive,
    hijack: interactive,
  })
  stream.on('error', () => {}) // the engine cuts it when the container is removed
  if (interactive) request.input?.pipe(stream)
  if (request.options.tty) {
    stream.on('data', (chunk: Buffer) => request.onOutput('stdout', chunk))
    return
  }
  const collect = (name: 'stdout' | 'stderr') =>
    new PassThrough().on('data', (chunk: Buffer) => request.onOutput(name, chunk))
  docker.modem.demuxStream(stream, collect('stdout'), collect('stderr'))
}

/** A container on the host's network, or without one of its own, is reached at the host's loopback. */
async function addressOf(container: Docker.Container): Promise<string | undefined> {
  const { HostConfig, NetworkSettings } = await container.inspect()
  if (HostConfig.NetworkMode === 'host') return '127.0.0.1'
  const networks = Object.values(NetworkSettings.Networks ?? {})
  return networks.map((network) => network?.IPAddress).find((address) => address) || undefined
}

const EXEC_POLL_MS = 25

async function execIn(
  container: Docker.Container,
  command: readonly string[],
  signal?: AbortSignal,
): Promise<number> {
  const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true })
  const stream = await exec.start({})
  stream.resume()
  for (;;) {
    signal?.throwIfAborted()
    const { Running, ExitCode } = await exec.inspect()
    if (!Running && ExitCode !== null) return ExitCode
    await new Promise((resolve) => setTimeout(resolve, EXEC_POLL_MS))
  }
}

async function asRunError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new HeadstartError('E_RUN', `the Docker engine refused the container: ${complaintOf(cause)}`, {
      cause,
    })
  }
}

/** What the engine said, without the layers it went through. */
function complaintOf(error: unknown): string {
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [a-z ]+ - /, '')
    .replace(
      /^(?:(?:failed to create [a-z ]+|OCI runtime create failed|runc create failed|unable to start container process): )+/,
      '',
    )
    .replace(/: unknown$/, '')
}

/** Removal of what is gone already, or is going at this moment. */
async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
    if (status !== 404 && status !== 409) throw error
  })
}
