/**
 * Which containerd a measurement uses: the user's, found through its socket and checked before anything is pulled, or one that is started
 * for each sample.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { codeOf, messageOf } from '../../../system/errors.ts'
import type { Workspace } from '../../../system/workspace.ts'
import {
  type ContainerdNamespace,
  leaseNamespace,
  removeStaleNamespaces,
  tryCtr,
} from './containerd-namespace.ts'
import { programFault, unusable } from './options.ts'
import { settingsNote } from './snapshotter-settings.ts'
import type { RuntimeChoice } from './types.ts'

const DEFAULT_ADDRESS = '/run/containerd/containerd.sock'
export const DEFAULT_SNAPSHOTTER = 'containerd-stargz-grpc'

export type FoundContainerd = AsyncDisposable & {
  /** what was found, in one line */
  readonly chosen: string
} & (
    | { readonly kind: 'theirs'; readonly place: ContainerdNamespace; readonly version: string }
    | { readonly kind: 'own'; readonly snapshotter: string }
  )

/**
 * @param workspace its name is that of the namespace in the user's containerd
 * @throws HeadstartError E_RUNTIME: the one that a flag or the environment names can't be used; or the machine's can't, and none can be
 * started
 */
export async function findContainerd(
  choice: Omit<RuntimeChoice, 'name'>,
  workspace: Workspace,
): Promise<FoundContainerd> {
  const found = await find(choice, workspace)
  return { ...found, chosen: found.chosen + (await settingsNote()) }
}

async function find(
  { containerd, snapshotter }: Omit<RuntimeChoice, 'name'>,
  workspace: Workspace,
): Promise<FoundContainerd> {
  if (containerd === 'own' || (containerd === undefined && snapshotter !== undefined))
    return findOwn(snapshotter)
  const named = containerd ?? process.env.CONTAINERD_ADDRESS
  const found = await tryTheirs(addressOf(named ?? DEFAULT_ADDRESS), workspace)
  if (typeof found !== 'string') return found
  if (named !== undefined)
    throw unusable('containerd', found, 'Measure with --containerd own, or with --runtime builtin')
  return findOwn(snapshotter, found)
}

const addressOf = (text: string): string => text.replace(/^unix:\/\//, '')

/** @param reason why the machine's can't be used; undefined: it was not tried */
async function findOwn(snapshotter: string | undefined, reason?: string): Promise<FoundContainerd> {
  const daemon = snapshotter ?? DEFAULT_SNAPSHOTTER
  for (const program of ['containerd', daemon]) {
    const fault = await programFault(program)
    if (fault !== undefined)
      throw unusable(
        'containerd',
        reason === undefined ? fault : `${reason}; nor can one be started: ${fault}`,
        'Give a socket with --containerd or a daemon with --snapshotter, or measure with --runtime builtin',
      )
  }
  return {
    kind: 'own',
    snapshotter: daemon,
    chosen: `a containerd started for each sample (${reason ?? 'as requested'})`,
    async [Symbol.asyncDispose]() {},
  }
}

/** @returns a text: why it can't be used */
async function tryTheirs(address: string, workspace: Workspace): Promise<FoundContainerd | string> {
  const fault = (await socketFault(address)) ?? (await pluginFault(address))
  if (fault !== undefined) return fault
  await removeStaleNamespaces(address)
  await using stack = new AsyncDisposableStack()
  const place = stack.use(await leaseNamespace(address, workspace))
  const silent = await snapshotterFault(place)
  if (silent !== undefined) return silent
  const version =
    /Server:\s+Version:\s+v?(\S+)/.exec((await tryCtr(place, 'version')).stdout)?.[1] ?? 'unknown'
  const owned = stack.move()
  return {
    kind: 'theirs',
    place,
    version,
    chosen: `containerd ${version} at ${address} with its stargz snapshotter, in a namespace that is removed afterwards`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const SOCKET_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no socket',
  ENOTSOCK: 'not a socket:',
  EACCES: 'no permission to use the socket',
  ECONNREFUSED: 'nothing is listening on the socket',
}

async function socketFault(address: string): Promise<string | undefined> {
  if (!address.startsWith('/')) return `${JSON.stringify(address)} is not the path of a socket`
  const socket = connect(address)
  try {
    await once(socket, 'connect')
    return undefined
  } catch (error) {
    return `${SOCKET_FAULTS[codeOf(error) ?? ''] ?? messageOf(error)} ${address}`
  } finally {
    socket.destroy()
  }
}

async function pluginFault(address: string): Promise<string | undefined> {
  const { status, stdout, stderr } = await tryCtr({ address, name: 'default' }, 'plugins', 'list')
  if (status !== 0) return `containerd at ${address} does not respond: ${lastLine(stderr)}`
  const plugin = stdout
    .split('\n')
    .map((line) => line.split(/\s+/))
    .find(([type, id]) => type === 'io.containerd.snapshotter.v1' && id === 'stargz')
  if (!plugin)
    return `containerd at ${address} has no stargz snapshotter (proxy_plugins.stargz in its config)`
  const state = plugin[3]
  return state === 'ok'
    ? undefined
    : `the stargz snapshotter of containerd at ${address} is in the state ${state}`
}

/** A configured plugin does not mean that its daemon runs: preparing an empty snapshot shows it. */
async function snapshotterFault(place: ContainerdNamespace): Promise<string | undefined> {
  const snapshots = (...args: readonly string[]) =>
    tryCtr(place, 'snapshots', '--snapshotter', 'stargz', ...args)
  try {
    const { status, stderr } = await snapshots('prepare', 'probe')
    if (status !== 0)
      return `the stargz snapshotter behind ${place.address} is not running: ${lastLine(stderr)}`
    await snapshots('rm', 'probe')
    return undefined
  } catch {
    return `the stargz snapshotter behind ${place.address} does not respond`
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
