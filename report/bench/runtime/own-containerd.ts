/** An empty containerd and stargz snapshotter, started for one sample. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeCgroups } from '../../../system/process/processes.ts'
import type { Workspace } from '../../../system/workspace.ts'
import { endOrphans } from '../../../tracer/container/orphans.ts'
import { type ContainerdNamespace, ctrEnvironment } from './containerd-namespace.ts'
import { type Daemon, startDaemon, untilAnswers, whileAlive } from './daemon.ts'
import { removeShimRemains } from './shim-remains.ts'
import type { Cycle } from './types.ts'

/** @param folder of the workspace */
const socketIn = (folder: string): string => join(folder, 'containerd', 'c.sock')

/** What a killed run's containerd left outside its workspace. */
export const sweepOwnContainerd = ({ id, folder }: Pick<Workspace, 'id' | 'folder'>): Promise<void> =>
  removeShimRemains(id, socketIn(folder))

/** @param snapshotter its daemon; undefined: nothing is pulled lazily */
export async function startOwnContainerd(
  cycle: Cycle,
  snapshotter: string | undefined,
): Promise<ContainerdNamespace & Daemon> {
  await using stack = new AsyncDisposableStack()
  const { id } = cycle.workspace
  const { folder: workspace } = cycle.workspace
  stack.defer(() => removeShimRemains(id, socketIn(workspace)))
  stack.defer(() => removeCgroups(id)) // of its containers: they are below one with the name of the namespace
  stack.defer(() => endOrphans(cycle.workspace)) // shims outlive a containerd that was killed
  const folder = await cycle.workspace.sub('containerd')
  const sockets = { containerd: socketIn(workspace), snapshotter: join(folder, 's.sock') }
  await writeFile(join(folder, 'config.toml'), configuration(folder, sockets))
  const daemons: Daemon[] = []
  const start = async (program: string, args: readonly string[], socket: string) => {
    const { signal } = cycle
    const log = `${socket}.log`
    daemons.push(stack.use(await startDaemon({ program, args, socket, log, ...(signal && { signal }) })))
  }
  if (snapshotter !== undefined) {
    const root = await cycle.workspace.sub('containerd/snapshotter')
    await start(snapshotter, [`--address=${sockets.snapshotter}`, `--root=${root}`], sockets.snapshotter)
  }
  await start('containerd', ['--config', join(folder, 'config.toml')], sockets.containerd)
  const place = { address: sockets.containerd, name: id }
  const died = Promise.race(daemons.map((daemon) => daemon.died))
  died.catch(() => {}) // as each of them
  const isThere = () => Promise.all(daemons.map((daemon) => daemon.isThere()))
  const answers = (signal: AbortSignal) =>
    untilAnswers('ctr', ['version'], { env: ctrEnvironment(place), signal })
  await whileAlive({ died, isThere }, answers, cycle.signal)
  const owned = stack.move()
  return { ...place, died, isThere, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const configuration = (folder: string, sockets: { containerd: string; snapshotter: string }): string =>
  `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${sockets.containerd}"
[proxy_plugins.stargz]
type = "snapshot"
address = "${sockets.snapshotter}"
`
