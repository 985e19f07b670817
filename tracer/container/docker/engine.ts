/** Runs a container in the Docker engine. */
import { setTimeout as sleep } from 'node:timers/promises'
import type Docker from 'dockerode'
import { socketRefusal } from '../../../image/daemon/client.ts'
import { ANSWER_MS, connectLocalEngine } from '../../../image/daemon/connection.ts'
import { messageOf } from '../../../system/errors.ts'
import { markOf, ourselves } from '../../../system/process/owner.ts'
import { processBegun } from '../begun.ts'
import { prepareMountPoints } from '../mount-points.ts'
import { prepareBindSources } from '../options/bind-sources.ts'
import { publishedPorts } from '../options/run-options.ts'
import type { Container, Engine, ProcessRequest } from '../types.ts'
import { attach, followSize } from './attach.ts'
import { containerConfig } from './config.ts'
import { asRunError, ignoreMissing, isMissing } from './errors.ts'
import { engineAnswers, removeObjects } from './objects.ts'
import { isOutside, outsideFault, refuseOutside } from './outside.ts'
import { fillVolumes, makePlaces } from './places.ts'
import { createShell, rootBinds } from './shell.ts'

/** The engine may report a container's end before it has passed on all of its output. Only an engine that hangs takes this long. */
const LATE_OUTPUT_MS = 30_000

export const dockerEngine: Engine = {
  name: 'docker',
  async unavailable(wish = {}) {
    const { signal } = wish
    try {
      const docker = await connectLocalEngine({ signal, limitMs: ANSWER_MS })
      await docker.ping()
      return await outsideFault(docker, wish)
    } catch (error) {
      signal?.throwIfAborted()
      return socketRefusal(error) ?? messageOf(error)
    }
  },
  async run(asked) {
    const request = await prepareMountPoints(asked)
    await makePlaces(request)
    return startIn(request, {
      make: async (docker, mark) => ({
        image: await createShell(docker, request, mark),
        binds: await rootBinds(request),
      }),
      fill: (container, outside) => fillVolumes(container, request, outside),
    })
  },
  async sweep(id) {
    if (await engineAnswers()) await removeObjects(id)
  },
}

/** What a container is created from. */
interface Origin {
  /** the engine's name for it */
  readonly image: string
  readonly binds: readonly Docker.MountSettings[]
}

interface Maker {
  make(docker: Docker, mark: string): Promise<Origin>
  /** Gives the container that was created what the engine doesn't. */
  fill?(container: Docker.Container, outside: boolean): Promise<void>
}

/**
 * A container of an image that the engine has, as docker run starts it: the engine's own storage is its root.
 * @param image the engine's name for it, or its ID
 * @throws HeadstartError E_RUN, E_NOT_EXECUTABLE, E_NO_PROGRAM
 */
export const runStored = (request: ProcessRequest, image: string): Promise<Container> =>
  startIn(request, { make: async () => ({ image, binds: [] }) })

async function startIn(request: ProcessRequest, maker: Maker): Promise<Container> {
  await using stack = new AsyncDisposableStack()
  const over = new AbortController()
  stack.defer(() => over.abort()) // whatever is still being asked
  const signal = AbortSignal.any([over.signal, ...(request.signal ? [request.signal] : [])])
  const docker = await connectLocalEngine({ signal })
  const outside = await isOutside(docker)
  if (outside) refuseOutside(request)
  else await prepareBindSources(request.options.binds ?? [])
  // By their names, and noted first: what was asked for may have been made although the answer was not waited for.
  stack.defer(() => removeObjects(request.id))
  const container = docker.getContainer(await createContainer(request, { ...maker, outside }, signal))
  await maker.fill?.(container, outside)
  const { ended } = await asRunError(attach(container, request))
  signal.throwIfAborted()
  await request.beforeStart()
  await asRunError(container.start())
  // Not earlier: a container that has not started counts as ended.
  const exited = asRunError(container.wait()).then(async ({ StatusCode }: { StatusCode: number }) => {
    await Promise.race([ended, sleep(LATE_OUTPUT_MS, undefined, { ref: false })])
    return StatusCode
  })
  exited.catch(() => {}) // reported to those who await it, if any do
  stack.use(followSize(container, request.terminal))
  const { address, pid } = await lookAt(container)
  await processBegun(pid, signal)
  const owned = stack.move()
  return {
    id: container.id,
    address,
    ports: publishedPorts(request.options),
    exited,
    exec: (command, signal) => execIn(container, command, signal),
    kill: async (signal) => {
      await ignoreMissing(container.kill({ signal }))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  } satisfies Container
}

/** After an interrupt: an engine that works answers in this time, so that what it made is known and removed. One that hangs is left. */
const GRACE_MS = 10_000

/** @returns the container's ID */
async function createContainer(
  request: ProcessRequest,
  { make, outside }: Pick<Maker, 'make'> & { readonly outside: boolean },
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted()
  const late = new AbortController()
  const giveUp = () => setTimeout(() => late.abort(signal.reason), GRACE_MS).unref()
  signal.addEventListener('abort', giveUp, { once: true })
  const docker = await connectLocalEngine({ signal: late.signal })
  const mark = markOf(await ourselves())
  const { image, binds } = await make(docker, mark)
  signal.throwIfAborted()
  const config = containerConfig(request, { image, binds, mark, outside })
  const { id } = await asRunError(docker.createContainer(config))
  signal.throwIfAborted()
  return id
}

/** A container on the host's network is reached at the host's loopback. */
async function lookAt(container: Docker.Container) {
  const { HostConfig, NetworkSettings, State } = await asRunError(container.inspect())
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
