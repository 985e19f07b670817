/**
 * Which containerd a measurement uses: the person's, found through its socket and checked before anything is pulled, or one of our own
 * for every sample.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { messageOf } from '../../../system/errors.ts'
import {
  type ContainerdNamespace,
  leaseNamespace,
  removeStaleNamespaces,
  tryCtr,
} from './containerd-namespace.ts'
import { programFault, unusable } from './options.ts'
import type { RunSetting } from './types.ts'

const DEFAULT_ADDRESS = '/run/containerd/containerd.sock'
const DEFAULT_SNAPSHOTTER = 'containerd-stargz-grpc'

export type FoundContainerd = AsyncDisposable & {
  /** in a line */
  readonly chosen: string
} & (
    | { readonly kind: 'theirs'; readonly place: ContainerdNamespace; readonly version: string }
    | { readonly kind: 'own'; readonly snapshotter: string }
  )

/**
 * @throws HeadstartError E_RUNTIME: the one that was named, by flag or environment, can't be used; or the machine's can't, and none of
 * our own can be started
 */
export async function findContainerd(setting: RunSetting): Promise<FoundContainerd> {
  const { containerd, snapshotter } = setting.start
  if (containerd === 'own' || (containerd === undefined && snapshotter !== undefined))
    return findOwn(snapshotter)
  const named = containerd ?? process.env.CONTAINERD_ADDRESS
  const found = await tryTheirs(addressOf(named ?? DEFAULT_ADDRESS), setting)
  if (typeof found !== 'string') return found
  if (named !== undefined)
    throw unusable('containerd', found, 'Measure with --containerd own, or with --runtime builtin')
  return findOwn(snapshotter, found)
}

const addressOf = (text: string): string => text.replace(/^unix:\/\//, '')

/** @param reason why the machine's is not used; undefined where nobody asked for it */
async function findOwn(snapshotter: string | undefined, reason?: string): Promise<FoundContainerd> {
  const daemon = snapshotter ?? DEFAULT_SNAPSHOTTER
  for (const program of ['containerd', daemon]) {
    const fault = await programFault(program)
    if (fault !== undefined)
      throw unusable(
        'containerd',
        reason === undefined ? fault : `${reason}, and for one of its own ${fault}`,
        'Name a socket with --containerd or a daemon with --snapshotter, or measure with --runtime builtin',
      )
  }
  return {
    kind: 'own',
    snapshotter: daemon,
    chosen: `a containerd of its own for every sample (${reason ?? 'as was asked for'})`,
    async [Symbol.asyncDispose]() {},
  }
}

/** @returns why it can't be used, in words */
async function tryTheirs(address: string, { workspace }: RunSetting): Promise<FoundContainerd | string> {
  const fault = (await socketFault(address)) ?? (await pluginFault(address))
  if (fault !== undefined) return fault
  await removeStaleNamespaces(address)
  await using stack = new AsyncDisposableStack()
  const place = stack.use(await leaseNamespace(address, workspace))
  const silence = await snapshotterFault(place)
  if (silence !== undefined) return silence
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
  ENOTSOCK: 'there is a file that is no socket',
  EACCES: 'no permission to use the socket',
  ECONNREFUSED: 'nobody listens behind the socket',
}

async function socketFault(address: string): Promise<string | undefined> {
  if (!address.startsWith('/')) return `${JSON.stringify(address)} is no path of a socket`
  const socket = connect(address)
  try {
    await once(socket, 'connect')
    return undefined
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return `${SOCKET_FAULTS[code] ?? messageOf(error)} ${address}`
  } finally {
    socket.destroy()
  }
}

async function pluginFault(address: string): Promise<string | undefined> {
  const { status, stdout, stderr } = await tryCtr({ address, name: 'default' }, 'plugins', 'list')
  if (status !== 0) return `containerd at ${address} does not answer: ${lastLine(stderr)}`
  const plugin = stdout
    .split('\n')
    .map((line) => line.split(/\s+/))
    .find(([type, id]) => type === 'io.containerd.snapshotter.v1' && id === 'stargz')
  if (!plugin)
    return `containerd at ${address} has no stargz snapshotter (proxy_plugins.stargz in its config)`
  const state = plugin[3]
  return state === 'ok'
    ? undefined
    : `containerd at ${address} has its stargz snapshotter in the state ${state}`
}

/** That the plugin is configured says nothing of the daemon behind it: an empty snapshot does. */
async function snapshotterFault(place: ContainerdNamespace): Promise<string | undefined> {
  const ask = (...args: readonly string[]) => tryCtr(place, 'snapshots', '--snapshotter', 'stargz', ...args)
  try {
    const { status, stderr } = await ask('prepare', 'probe')
    if (status !== 0)
      return `the stargz snapshotter behind ${place.address} is not there: ${lastLine(stderr)}`
    await ask('rm', 'probe')
    return undefined
  } catch {
    return `the stargz snapshotter behind ${place.address} does not answer`
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
