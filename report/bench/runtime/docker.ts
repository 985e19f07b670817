/**
 * A real `docker pull` and `docker run`, for the full pull. Each sample starts an empty engine, so that nothing is cached, and the
 * engine of this machine is not touched.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { epochMs } from '../../../system/clock.ts'
import { runCommand, tryCommand } from '../../../system/process/command.ts'
import type { StaleWorkspace } from '../../../system/workspace.ts'
import { endOrphans } from '../../../tracer/container/orphans.ts'
import type { Ground } from '../../../tracer/container/readiness/ready-on.ts'
import type { ContainerRequest } from '../../../tracer/container/types.ts'
import { lastManifestEnd } from '../link/requests.ts'
import { addBridge } from './bridge.ts'
import { commandEngine } from './command-engine.ts'
import { startDaemon, untilAnswers, whileAlive } from './daemon.ts'
import { ensurePrograms, refuseLines, refuseOptions } from './options.ts'
import { removeEngineSockets } from './shim-remains.ts'
import type { Cycle, PreparedCycle, ReadyCycle, Runtime, Starter } from './types.ts'

export const dockerRuntime: Runtime = {
  arms: ['legacy'],
  async open({ starter }) {
    const { run } = starter.settings
    refuseOptions(run, 'docker', ['env', 'user', 'workingDir', 'entrypoint'])
    refuseLines(run)
    await ensurePrograms('docker', ['dockerd', 'docker'])
    return {
      name: 'docker',
      programs: ['dockerd', 'runc'],
      versions: {},
      prepareCycle: (cycle) => startEngine(cycle, starter),
      async [Symbol.asyncDispose]() {},
    }
  },
}

async function startEngine(cycle: Cycle, starter: Starter): Promise<PreparedCycle> {
  const folder = await cycle.workspace.sub(FOLDER)
  const socket = join(folder, 'docker.sock')
  await using stack = new AsyncDisposableStack()
  stack.defer(() => removeEngineSockets(execRootIn(cycle.workspace.folder)))
  stack.defer(() => endOrphans(cycle.workspace)) // shims outlive an engine that was killed
  const bridge = stack.use(await addBridge(cycle.workspace.id))
  const daemon = stack.use(
    await startDaemon({
      program: 'dockerd',
      args: daemonArgs(folder, socket, bridge.name),
      socket,
      log: join(folder, 'log'),
      ...(cycle.signal && { signal: cycle.signal }),
    }),
  )
  const host = `unix://${socket}`
  const answers = (signal: AbortSignal) => untilAnswers('docker', ['--host', host, 'version'], { signal })
  await whileAlive(daemon, answers, cycle.signal)
  const owned = stack.move()
  const engine = { host, daemon }
  return {
    run: () => pullAndStart(cycle, starter, engine),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const [FOLDER, EXEC_ROOT] = ['docker', 'exec']
const execRootIn = (workspace: string): string => join(workspace, FOLDER, EXEC_ROOT)

/** What a killed measurement's engine left outside of the workspace. */
export const sweepEngine = ({ folder }: StaleWorkspace): Promise<void> =>
  removeEngineSockets(execRootIn(folder))

/** Containers use the host's network. The bridge exists because an engine without one deletes `docker0`, which belongs to another engine. */
const daemonArgs = (folder: string, socket: string, bridge: string): string[] => [
  ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, EXEC_ROOT)],
  ...['--pidfile', join(folder, 'pid'), '--host', `unix://${socket}`],
  ...['--bridge', bridge, '--iptables=false', '--ip6tables=false'],
]

interface OwnEngine {
  /** its address */
  readonly host: string
  readonly daemon: Ground
}

async function pullAndStart(
  cycle: Cycle,
  { settings, start }: Starter,
  { host, daemon }: OwnEngine,
): Promise<ReadyCycle> {
  const reference = `${cycle.host}/${cycle.name}`
  const { signal, workspace } = cycle
  const startedAt = epochMs()
  const args = ['--host', host, 'pull', '--quiet', reference]
  await whileAlive(daemon, (either) => runCommand('docker', args, { signal: either }), signal)
  const pulledAt = epochMs()
  // Neither on a command line, which anybody on the machine can read, nor in the client's own environment, which would obey some of them.
  const envFile = join(workspace.folder, 'env')
  await writeFile(envFile, (settings.run.env ?? []).join('\n'), { mode: 0o600 })
  const engine = commandEngine((request) => commandsOf(request, host, reference, envFile))
  await using stack = new AsyncDisposableStack()
  const container = stack.use(await start(cycle, engine, workspace.folder, { ground: daemon }))
  const resolve = lastManifestEnd(await cycle.requests(), cycle.layers, startedAt)
  const create = (await processStartedAt(host, workspace.id)) ?? pulledAt
  const owned = stack.move()
  return {
    marks: {
      startedAt,
      ends: { resolve, tocs: resolve, prefetch: pulledAt, create, ready: container.readyAt },
    },
    unpack: [],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** According to the engine; undefined: it does not know. */
async function processStartedAt(host: string, id: string): Promise<number | undefined> {
  const format = '{{.State.StartedAt}}'
  const { stdout } = await tryCommand('docker', ['--host', host, 'inspect', '--format', format, id])
  const at = Date.parse(stdout.trim())
  return Number.isNaN(at) ? undefined : at
}

function commandsOf(
  { id, process: plan }: ContainerRequest,
  host: string,
  reference: string,
  envFile: string,
) {
  const [program = '', ...args] = plan.args
  return {
    program: 'docker',
    known: 'docker',
    env: process.env,
    address: '127.0.0.1',
    run: [
      ...['--host', host, 'run', '--name', id, '--network', 'host', '--workdir', plan.cwd],
      ...(plan.user === '' ? [] : ['--user', plan.user]),
      ...['--env-file', envFile],
      ...['--entrypoint', program, reference, ...args],
    ],
    exec: (command: readonly string[]) => ['docker', '--host', host, 'exec', id, ...command],
    kill: (signal: string) => ['docker', '--host', host, 'kill', '--signal', signal, id],
  }
}
