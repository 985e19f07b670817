/**
 * containerd with the stargz snapshotter, driven as its users do (`ctr-remote`): a daemon of each for every sample, with nothing in it.
 * What the snapshotter does when is told by its requests.
 */
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand, tryCommand } from '../../../image/command.ts'
import { messageOf } from '../../../image/errors.ts'
import type { ContainerRequest } from '../../../tracer/engine/types.ts'
import { epochMs } from '../clock.ts'
import { lastManifestEnd, zoneSpan } from '../requests.ts'
import { commandEngine } from './command-engine.ts'
import { startDaemon, untilAnswers } from './daemon.ts'
import { refuseOptions } from './options.ts'
import { startUntilReady } from './start.ts'
import type { Cycle, Runtime, Started, StartSettings } from './types.ts'

const SNAPSHOTTER = 'containerd-stargz-grpc'

export const containerdRuntime: Runtime = {
  name: 'containerd',
  programs: ['containerd', 'runc'],
  arms: ['legacy', 'lazy', 'optimized', 'other'],
  async unavailable(start: StartSettings) {
    try {
      await runCommand('containerd', ['--version'])
      await runCommand('ctr-remote', ['--version'])
      await tryCommand(start.snapshotter ?? SNAPSHOTTER, ['--version'])
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  },
  async prepare(cycle) {
    refuseOptions(cycle.start.run, 'containerd', ['env'])
    await using stack = new AsyncDisposableStack()
    const folder = await cycle.workspace.sub('containerd')
    const address = join(folder, 'c.sock')
    const snapshotter = join(folder, 's.sock')
    await writeFile(join(folder, 'config.toml'), configuration(folder, address, snapshotter))
    const start = async (program: string, args: readonly string[], socket: string) =>
      stack.use(await startDaemon({ program, args, socket, log: `${socket}.log`, signal: cycle.signal }))
    if (cycle.kind !== 'legacy') {
      const root = await cycle.workspace.sub('containerd/snapshotter')
      await start(
        cycle.start.snapshotter ?? SNAPSHOTTER,
        [`--address=${snapshotter}`, `--root=${root}`],
        snapshotter,
      )
    }
    await start('containerd', ['--config', join(folder, 'config.toml')], address)
    await untilAnswers('ctr-remote', ['version'], envFor(address))
    const owned = stack.move()
    return { run: () => pullAndStart(cycle, address), [Symbol.asyncDispose]: () => owned.disposeAsync() }
  },
}

const configuration = (folder: string, address: string, snapshotter: string): string => `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${address}"
[proxy_plugins.stargz]
type = "snapshot"
address = "${snapshotter}"
`

const envFor = (address: string): NodeJS.ProcessEnv => ({ ...process.env, CONTAINERD_ADDRESS: address })

const isLazy = (cycle: Cycle): boolean => cycle.kind !== 'legacy'

const filesOf = ({ workspace }: Cycle) => ({
  pidFile: join(workspace.folder, 'pid'),
  envFile: join(workspace.folder, 'env'),
})

async function pullAndStart(cycle: Cycle, address: string): Promise<Started> {
  const { signal, start, workspace } = cycle
  const pull = isLazy(cycle) ? ['rpull', '--plain-http', '--snapshotter', 'stargz'] : ['pull', '--plain-http']
  const startedAt = epochMs()
  await runCommand('ctr-remote', ['images', ...pull, `${cycle.host}/${cycle.name}`], {
    env: envFor(address),
    ...(signal && { signal }),
  })
  const pulledAt = epochMs()
  // Not on a command line, where anybody on the machine could read the values.
  await writeFile(filesOf(cycle).envFile, (start.run.env ?? []).join('\n'), { mode: 0o600 })
  const engine = commandEngine((request) => commandsOf(request, cycle, address))
  await using stack = new AsyncDisposableStack()
  const container = stack.use(await startUntilReady(cycle, engine, workspace.folder))
  const ends = { ...(await endsOfPull(cycle, startedAt, pulledAt)), ready: container.readyAt }
  const owned = stack.move()
  return { marks: { startedAt, ends }, unpack: [], [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The snapshotter prefetches on its own, and a container is created only when that is done. */
async function endsOfPull(cycle: Cycle, startedAt: number, pulledAt: number) {
  const requests = await cycle.requests()
  const create = await stat(filesOf(cycle).pidFile).then(
    ({ mtimeMs }) => mtimeMs,
    () => pulledAt,
  )
  const resolve = lastManifestEnd(requests, cycle.image, startedAt)
  if (!isLazy(cycle)) return { resolve, tocs: resolve, prefetch: pulledAt, create }
  const zone = zoneSpan(requests, cycle.zones, create)
  return {
    resolve,
    tocs: Math.min(pulledAt, zone?.from ?? pulledAt),
    prefetch: Math.max(pulledAt, zone?.to ?? pulledAt),
    create,
  }
}

function commandsOf({ id, options, process: plan }: ContainerRequest, cycle: Cycle, address: string) {
  const { pidFile, envFile } = filesOf(cycle)
  const own = cycle.start.command.length > 0 ? plan.args : []
  return {
    program: 'ctr-remote',
    env: envFor(address),
    run: [
      ...['run', '--rm', '--net-host', '--pid-file', pidFile],
      ...(isLazy(cycle) ? ['--snapshotter', 'stargz'] : []),
      ...(options.env?.length ? ['--env-file', envFile] : []),
      ...[`${cycle.host}/${cycle.name}`, id, ...own],
    ],
    exec: (command: readonly string[]) => ['task', 'exec', '--exec-id', `e${Date.now()}`, id, ...command],
    kill: (signal: string) => ['task', 'kill', '--signal', `SIG${signal}`, id],
  }
}
