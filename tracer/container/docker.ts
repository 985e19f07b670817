/** Runs a container in the Docker engine. */
import { stat } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type Docker from 'dockerode'
import { socketRefusal } from '../../image/daemon/client.ts'
import { connectLocalEngine } from '../../image/daemon/connection.ts'
import { codeOf, messageOf } from '../../system/errors.ts'
import { markOf, type Owner, ourselves, ownerOf } from '../../system/owner.ts'
import { processBegun } from './begun.ts'
import { containerConfig, LABEL, OWNER_LABEL } from './docker-config.ts'
import { asRunError, ignoreMissing, isMissing } from './docker-errors.ts'
import { createShell, rootBinds, SHELL_REPOSITORY, shellName } from './docker-shell.ts'
import { prepareMountPoints } from './mount-points.ts'
import { publishedPorts } from './run-options.ts'
import type { Container, ContainerRequest, Engine, OutputStream } from './types.ts'

/** The engine may report a container's end before it has passed on all of its output. Only an engine that hangs takes this long. */
const LATE_OUTPUT_MS = 30_000

/** An engine that hangs is not waited for: the next command sweeps what has our mark. */
const REMOVAL_MS = 20_000

async function removal(remove: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const signal = AbortSignal.timeout(REMOVAL_MS)
  await ignoreMissing(remove(signal)).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

export const dockerEngine: Engine = {
  name: 'docker',
  async unavailable() {
    try {
      const docker = await connectLocalEngine()
      await docker.ping()
      return await outsideFault(docker)
    } catch (error) {
      return socketRefusal(error) ?? messageOf(error)
    }
  },
  async run(asked) {
    const docker = await connectLocalEngine()
    const request = await prepareMountPoints(asked)
    await using stack = new AsyncDisposableStack()
    const mark = markOf(await ourselves())
    const image = await createShell(docker, request, mark)
    stack.defer(() => removal((abortSignal) => docker.getImage(image).remove({ force: true, abortSignal })))
    const config = containerConfig(request, image, await rootBinds(request), mark)
    const container = await asRunError(docker.createContainer(config))
    stack.defer(() => removal((abortSignal) => container.remove({ force: true, v: true, abortSignal })))
    const { ended } = await attachOutput(docker, container, request)
    request.signal?.throwIfAborted()
    await request.beforeStart()
    await asRunError(container.start(request.signal ? { abortSignal: request.signal } : {}))
    // Not earlier: a container that has not started counts as ended.
    const exited = container.wait().then(async ({ StatusCode }: { StatusCode: number }) => {
      await Promise.race([ended, sleep(LATE_OUTPUT_MS, undefined, { ref: false })])
      return StatusCode
    })
    exited.catch(() => {}) // reported to those who await it, if any do
    const { address, pid } = await lookAt(container)
    await processBegun(pid, request.signal)
    const owned = stack.move()
    return {
      address,
      ports: publishedPorts(request.options),
      exited,
      exec: (command, signal) => execIn(container, command, signal),
      kill: async (signal) => {
        await ignoreMissing(container.kill({ signal }))
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    } satisfies Container
  },
  async sweep(id) {
    if ((await dockerEngine.unavailable()) !== undefined) return // then it holds nothing of ours
    const docker = await connectLocalEngine()
    const filters = { label: [`${LABEL}=${id}`] }
    for (const { Id } of await docker.listContainers({ all: true, filters }))
      await ignoreMissing(docker.getContainer(Id).remove({ force: true, v: true }))
    await ignoreMissing(docker.getImage(shellName(id)).remove({ force: true }))
  },
}

/** A socket that was mounted into our own container: that engine answers, but is on the other side, where our mounts don't exist. */
async function outsideFault(docker: Docker): Promise<string | undefined> {
  const { DockerRootDir: folder }: { DockerRootDir?: unknown } = await docker.info()
  if (typeof folder !== 'string') return undefined
  const isHere = await stat(folder).then(
    () => true,
    (error) => codeOf(error) !== 'ENOENT',
  )
  return isHere
    ? undefined
    : `it runs outside of this container, which its folder ${folder} is not in, and would not see the recording mount`
}

export interface EngineObject {
  readonly id: string
  /** undefined: it doesn't say */
  readonly owner: Owner | undefined
}

/**
 * Everything of headstart in the engine, whoever made it: a request that was under way when its sender was killed is still carried out,
 * possibly after the sender's workspace is gone.
 */
export async function dockerObjects(): Promise<EngineObject[]> {
  if ((await dockerEngine.unavailable()) !== undefined) return []
  const docker = await connectLocalEngine()
  const containers = await docker.listContainers({ all: true, filters: { label: [LABEL] } })
  const images = await docker.listImages({ filters: { reference: [SHELL_REPOSITORY] } })
  return [
    ...containers.map(({ Labels }) => ({ id: Labels[LABEL] ?? '', owner: ownerOf(Labels[OWNER_LABEL]) })),
    ...images.flatMap(({ RepoTags, Labels }) =>
      (RepoTags ?? []).map((tag) => ({
        id: tag.slice(SHELL_REPOSITORY.length + 1),
        owner: ownerOf(Labels?.[OWNER_LABEL]),
      })),
    ),
  ]
}

async function attachOutput(
  docker: Docker,
  container: Docker.Container,
  request: ContainerRequest,
): Promise<{ readonly ended: Promise<void> }> {
  const { interactive = false, tty = false } = request.options
  const stream = await container.attach({
    stream: true,
    stdout: true,
    stderr: true,
    stdin: interactive,
    hijack: interactive,
  })
  const ended = new Promise<void>((resolve) => {
    stream.once('end', resolve)
    stream.once('close', resolve)
    stream.once('error', () => resolve()) // the engine closes it when the container is removed
  })
  stream.on('error', () => {})
  if (interactive && request.input) passInput(request.input, stream, tty)
  if (tty) stream.on('data', (chunk: Buffer) => request.onOutput('stdout', chunk))
  else docker.modem.demuxStream(stream, collector(request, 'stdout'), collector(request, 'stderr'))
  return { ended }
}

const collector = ({ onOutput }: ContainerRequest, name: OutputStream): Writable =>
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      onOutput(name, chunk)
      done()
    },
  })

/** Ctrl-D: the end of input on a terminal. */
const END_OF_TRANSMISSION = '\x04'

function passInput(input: NodeJS.ReadableStream, stream: NodeJS.WritableStream, tty: boolean): void {
  input.pipe(stream, { end: !tty })
  // With a terminal the engine would take the end of input as the end of output, too.
  if (tty) input.once('end', () => stream.write(END_OF_TRANSMISSION))
}

/** A container on the host's network is reached at the host's loopback. */
async function lookAt(container: Docker.Container) {
  const { HostConfig, NetworkSettings, State } = await container.inspect()
  const networks = Object.values(NetworkSettings.Networks ?? {})
  const own = networks.map((network) => network?.IPAddress).find((address) => address) || undefined
  return { address: HostConfig.NetworkMode === 'host' ? '127.0.0.1' : own, pid: State.Pid }
}

const EXEC_POLL_MS = 25
/** Status of a command in a container that has ended, as runc reports it. */
const ENDED_STATUS = 1

async function execIn(
  container: Docker.Container,
  command: readonly string[],
  signal?: AbortSignal,
): Promise<number> {
  try {
    const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true })
    const stream = await exec.start({})
    stream.resume()
    for (;;) {
      signal?.throwIfAborted()
      const { Running, ExitCode } = await exec.inspect()
      if (!Running && ExitCode !== null) return ExitCode
      await sleep(EXEC_POLL_MS)
    }
  } catch (error) {
    if (isMissing(error)) return ENDED_STATUS
    throw error
  }
}
