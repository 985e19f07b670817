/** Runs a container with runc alone: without a daemon, on the overlay as its root. Its network is an empty one of its own, or the host's. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { type CommandResult, tryCommand } from '../../../system/process/command.ts'
import { killAll, processesNaming, removeCgroups } from '../../../system/process/processes.ts'
import { jsonIf } from '../../../system/text/json.ts'
import { containerBegun } from '../begun.ts'
import { bareComplaint, startFault } from '../complaint.ts'
import { prepareMountPoints } from '../mount-points.ts'
import { prepareBindSources } from '../options/bind-sources.ts'
import { publishedPorts, type RunOptions } from '../options/run-options.ts'
import { outputOf } from '../output.ts'
import { makeFolderInside, readInside } from '../root-files.ts'
import type { Container, ContainerRequest, Engine, OutputStream } from '../types.ts'
import { runcConfig } from './config.ts'
import { lookAtMachine } from './machine.ts'
import { hostnameOf, writeNetworkFiles } from './network-files.ts'
import { createOwnNetwork, type OwnNetwork } from './own-network.ts'
import { refuseOptions } from './refuse.ts'
import { resolveUser } from './users.ts'

export const runcEngine: Engine = {
  name: 'runc',
  async unavailable() {
    try {
      await tryCommand('runc', ['--version'])
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  },
  async run(asked) {
    refuseOptions(asked)
    await prepareBindSources(asked.options.binds ?? [])
    const request = await prepareMountPoints(asked)
    await using stack = new AsyncDisposableStack()
    const network = await networkOf(request, stack)
    const bundle = await writeBundle(request, network)
    const runc = runcIn(request.state)
    const [log, pidFile] = [join(bundle, 'runc.log'), join(bundle, 'pid')]
    request.signal?.throwIfAborted()
    await request.beforeStart()
    const run = ['run', '--bundle', bundle, '--pid-file', pidFile, request.id]
    const child = attachedRunc(request, runc.args('--log', log, '--log-format', 'json', ...run))
    const exited = exitOf(child, log)
    exited.catch(() => {}) // reported to those who await it, if any do
    stack.defer(() => end(() => runc.try(['delete', '--force', request.id]), exited, child))
    if (request.terminal) stack.use(request.terminal.onResize(() => child.kill('SIGWINCH')))
    const begun = containerBegun(pidFile, once(child, 'exit'), request.signal)
    passErrors(
      child,
      request,
      begun.then(async () => (await complaintOf(log)) === undefined),
    )
    await begun
    const owned = stack.move()
    return {
      id: request.id,
      // Nothing is published: the container's ports are the host's, or exist only in its own network.
      ports: publishedPorts(request.options),
      address: '127.0.0.1',
      ...(typeof network === 'object' && { connect: network.connect }),
      exited,
      exec: async (command, signal) => (await runc.try(['exec', request.id, ...command], signal)).status,
      kill: async (signal) => {
        await runc.try(['kill', request.id, signal])
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    } satisfies Container
  },
  async sweep(id, state) {
    if ((await runcEngine.unavailable()) !== undefined) return
    const runc = runcIn(state)
    // First any runc that is still running: it would go on creating the container.
    await killAll(await processesNaming(runc.state))
    await runc.try(['delete', '--force', id])
    await removeCgroups(id)
  },
}

/** An own one that we reach into, the container's alone, or the host's. */
async function networkOf(
  { options, unreached = false }: ContainerRequest,
  stack: AsyncDisposableStack,
): Promise<OwnNetwork | 'own' | 'host'> {
  if (options.network === 'host') return 'host'
  return unreached ? 'own' : stack.use(await createOwnNetwork())
}

/** runc in the foreground, with the container's input and output; a container's terminal it shows on ours itself. */
function attachedRunc(request: ContainerRequest, args: readonly string[]): ChildProcess {
  const { interactive = false, tty = false } = request.options
  if (tty) return spawn('runc', args, { stdio: [interactive ? 'inherit' : 'ignore', 'inherit', 'inherit'] })
  // In its own process group: Ctrl-C in a terminal ends the command's work, not the container.
  const child = spawn('runc', args, {
    stdio: [interactive ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: true,
  })
  child.stdout?.pipe(outputOf(request, 'stdout')).on('error', () => child.stdout?.destroy())
  child.stdin?.on('error', () => {}) // a container that ends early closes it
  if (child.stdin) request.input?.pipe(child.stdin)
  return child
}

/**
 * What a runc that couldn't start the container says of it is in its log, too, and not the container's.
 * @param isContainers whether it is the container that writes: known once it has begun
 */
function passErrors(
  { stderr }: ChildProcess,
  { onOutput }: ContainerRequest,
  isContainers: Promise<boolean>,
): void {
  const pass = async (stream: OutputStream, chunk: Buffer) => {
    if (await isContainers) await onOutput(stream, chunk)
  }
  stderr?.pipe(outputOf({ onOutput: pass }, 'stderr')).on('error', () => stderr.destroy())
}

/** runc's state, which includes hooks that run when a container is deleted: kept where nobody else can write and a later command finds it. */
function runcIn(folder: string) {
  const state = join(folder, 'runc')
  const args = (...rest: readonly string[]): string[] => ['--root', state, ...rest]
  return {
    state,
    args,
    try: (rest: readonly string[], signal?: AbortSignal): Promise<CommandResult> =>
      tryCommand('runc', args(...rest), signal ? { signal } : {}),
  }
}

const END_AGAIN_MS = 100
/** A runc that has not created its container by then never will. */
const TRIES = 50

/** Deletes repeatedly until the container has ended: while runc is still creating it, there is nothing to delete yet. */
async function end(
  remove: () => Promise<unknown>,
  exited: Promise<number>,
  { pid }: ChildProcess,
): Promise<void> {
  const ended = exited.then(
    () => true,
    () => true,
  )
  let tries = 0
  do {
    if (++tries === TRIES && pid !== undefined) killGroup(pid)
    await remove()
  } while (!(await Promise.race([ended, sleep(END_AGAIN_MS, false)])))
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {} // it has just ended
}

async function writeBundle(request: ContainerRequest, network: OwnNetwork | 'own' | 'host'): Promise<string> {
  const { id, folder, root, plainRoot, process, options } = request
  const bundle = join(folder, 'bundle')
  await mkdir(bundle, { recursive: true })
  const [passwd = '', group = ''] = await Promise.all([
    readInside(plainRoot, 'etc/passwd'),
    readInside(plainRoot, 'etc/group'),
  ])
  makeVolumes(root, options)
  const identity = resolveUser(process.user, { passwd, group, more: options.groups })
  const hostname = hostnameOf(request)
  const files = await writeNetworkFiles(bundle, hostname, options)
  const machine = await lookAtMachine({ devices: options.privileged ?? false })
  const config = runcConfig({
    id,
    root,
    hostname,
    process,
    identity,
    options,
    files,
    machine,
    network: typeof network === 'object' ? { path: network.path } : network,
  })
  await writeFile(join(bundle, 'config.json'), JSON.stringify(config), { mode: 0o600 })
  return bundle
}

/** An anonymous volume can be part of the root, which is writable and is removed with the container. */
function makeVolumes(root: string, { binds = [] }: RunOptions): void {
  for (const { type, target } of binds) if (type === 'volume') makeFolderInside(root, target)
}

/** @returns the container's status. Rejects with E_RUN when runc itself failed, by its log. */
function exitOf(child: ChildProcess, log: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new HeadstartError('E_RUN', `runc could not be started: ${messageOf(cause)}`, { cause }))
    })
    child.once('close', async (code, signal) => {
      const complaint = code === 0 ? undefined : await complaintOf(log)
      // A signal that ends the container is reported in runc's status; this one ended runc itself, and the container may run until it is deleted.
      if (code === null) reject(new HeadstartError('E_RUN', `runc was killed (${signal})`))
      else if (complaint === undefined) resolve(code)
      else {
        const said = bareComplaint(complaint)
        reject(new HeadstartError(startFault(said), `runc could not start the container: ${said}`))
      }
    })
  })
}

const logLine = z.object({ level: z.literal('error'), msg: z.string() })

const complaintOf = async (log: string): Promise<string | undefined> =>
  complaintIn(await readFile(log, 'utf8').catch(() => ''))

/** The first error in a log of one JSON object per line; a runc that was killed may have left half of one. */
function complaintIn(log: string): string | undefined {
  for (const line of log.split('\n')) {
    const error = jsonIf(line, logLine)
    if (error) return error.msg
  }
  return undefined
}
