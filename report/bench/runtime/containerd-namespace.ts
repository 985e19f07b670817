/**
 * A namespace in the user's containerd: everything that a measurement creates there is in it, and is removed with it. It is named after
 * the workspace, so that what a killed run left is recognized by its name alone.
 */
import { readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { HeadstartError } from '../../../system/errors.ts'
import { exchangeable, trustedUsers } from '../../../system/files/private-folder.ts'
import { type CommandResult, tryCommand } from '../../../system/process/command.ts'
import { isGone, markOf, ourselves, ownerOf } from '../../../system/process/owner.ts'
import { removeCgroups } from '../../../system/process/processes.ts'
import { parseJson } from '../../../system/text/json.ts'
import type { Workspace } from '../../../system/workspace.ts'
import { removeShimRemains } from './shim-remains.ts'

export interface ContainerdNamespace {
  /** of containerd's socket */
  readonly address: string
  readonly name: string
}

/** Only these are ever emptied or removed: the others are not ours. */
const OURS = /^headstart-\d+-[0-9a-f]{8}$/
/** The mark of the process that created it. */
const OWNER_LABEL = 'headstart.owner'
const FILE = 'containerd.json'
/** Queries are answered at once; removing gigabytes of unpacked layers takes a while. */
const ANSWER_MS = 10_000
const REMOVAL_MS = 120_000
/** The default one, for full pulls, and the lazy one. */
const SNAPSHOTTERS = [[], ['--snapshotter', 'stargz']] as const

const placeSchema = z.strictObject({ address: z.string().startsWith('/'), name: z.string().regex(OURS) })

/** For `ctr` and `ctr-remote`: which daemon and namespace. A snapshotter from the environment would change the measurement. */
export function ctrEnvironment({ address, name }: ContainerdNamespace): NodeJS.ProcessEnv {
  const { CONTAINERD_SNAPSHOTTER: _, ...env } = process.env
  return { ...env, CONTAINERD_ADDRESS: address, CONTAINERD_NAMESPACE: name }
}

/** @throws HeadstartError E_COMMAND: it is not installed, or containerd took too long to answer */
export const tryCtr = (place: ContainerdNamespace, ...args: readonly string[]): Promise<CommandResult> =>
  tryCommand('ctr', args, { env: ctrEnvironment(place), signal: AbortSignal.timeout(ANSWER_MS) })

const linesOf = async (place: ContainerdNamespace, ...args: readonly string[]): Promise<string[]> =>
  (await tryCtr(place, ...args)).stdout.split('\n').filter((line) => line !== '')

/**
 * Disposing removes it with everything in it.
 * @throws HeadstartError E_COMMAND
 */
export async function leaseNamespace(
  address: string,
  workspace: Workspace,
): Promise<ContainerdNamespace & AsyncDisposable> {
  const place = { address, name: workspace.id }
  // Recorded before it is created: if it is then missing, there is nothing to remove.
  await writeFile(join(workspace.state, FILE), JSON.stringify(place), { flag: 'wx', mode: 0o600 })
  await using stack = new AsyncDisposableStack()
  stack.defer(() => removeNamespace(place))
  const { status, stderr } = await tryCtr(place, 'namespaces', 'create', place.name, await ownerLabel())
  if (status !== 0) throw new HeadstartError('E_COMMAND', `containerd at ${address}: ${stderr.trim()}`)
  const owned = stack.move()
  return { ...place, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Namespaces of ours whose process is gone, according to their label: what can't be decided is left alone. */
async function staleNamespaces(address: string): Promise<ContainerdNamespace[]> {
  const rows = await linesOf({ address, name: 'default' }, 'namespaces', 'list')
  const stale: ContainerdNamespace[] = []
  for (const row of rows.slice(1)) {
    const [name = '', labels = ''] = row.split(/\s+/)
    const mark = labels.split(',').find((label) => label.startsWith(`${OWNER_LABEL}=`))
    const owner = ownerOf(mark?.slice(OWNER_LABEL.length + 1))
    if (OURS.test(name) && owner !== undefined && (await isGone(owner))) stale.push({ address, name })
  }
  return stale
}

/** A containerd may be shared with another pid namespace, where processes have other numbers. */
const ownerLabel = async (): Promise<string> => `${OWNER_LABEL}=${markOf(await ourselves())}`

/**
 * Removes what the run of a stale workspace left in a containerd: only the namespace named after the workspace, and only in a containerd of
 * root's or our own. Does nothing if the daemon has stopped.
 */
export async function sweepNamespace({ id, state }: Pick<Workspace, 'id' | 'state'>): Promise<void> {
  const file = join(state, FILE)
  try {
    const text = await readFile(file, 'utf8')
    const place = parseJson(text, placeSchema, { code: 'E_RUNTIME', what: file })
    if (place.name === id && (await isTrusted(place.address))) await removeNamespace(place)
  } catch {
    // No containerd was used, or it does not respond: the next measurement with it finds what is left.
  }
}

/** A socket that nobody else owns or could put there. */
async function isTrusted(address: string): Promise<boolean> {
  const socket = await realpath(address)
  const { uid } = await stat(socket)
  return (await trustedUsers()).has(uid) && (await exchangeable(dirname(socket))) === undefined
}

/**
 * Ends and removes everything in it, down to the content.
 * @throws HeadstartError E_COMMAND, with what is still there after two minutes
 */
export async function clearNamespace(place: ContainerdNamespace): Promise<void> {
  const deadline = performance.now() + REMOVAL_MS
  for (;;) {
    await removeAll(place)
    const left = await contentsOf(place)
    if (left.length === 0) return
    if (performance.now() > deadline)
      throw new HeadstartError(
        'E_COMMAND',
        `containerd at ${place.address} did not remove everything from the namespace ${place.name}: ${left.slice(0, 3).join(', ')}`,
      )
    await sleep(100)
  }
}

async function removeAll(place: ContainerdNamespace): Promise<void> {
  for (const task of await linesOf(place, 'tasks', 'list', '--quiet'))
    await tryCtr(place, 'tasks', 'rm', '--force', task)
  for (const container of await linesOf(place, 'containers', 'list', '--quiet'))
    await tryCtr(place, 'containers', 'rm', container)
  for (const image of await linesOf(place, 'images', 'list', '--quiet'))
    await tryCtr(place, 'images', 'rm', image)
  for (const lease of await linesOf(place, 'leases', 'list', '--quiet'))
    await tryCtr(place, 'leases', 'rm', lease)
  // Garbage is collected in the background; removing a lease with --sync waits for it.
  await tryCtr(place, 'leases', 'create', '--id', 'sweep')
  await tryCommand('ctr', ['leases', 'rm', '--sync', 'sweep'], {
    env: ctrEnvironment(place),
    signal: AbortSignal.timeout(REMOVAL_MS),
  })
  for (const which of SNAPSHOTTERS)
    for (const key of await snapshotsOf(place, which)) await tryCtr(place, 'snapshots', ...which, 'rm', key)
}

async function contentsOf(place: ContainerdNamespace): Promise<string[]> {
  return [
    ...(await linesOf(place, 'containers', 'list', '--quiet')),
    ...(await linesOf(place, 'content', 'list', '--quiet')),
    ...(await Promise.all(SNAPSHOTTERS.map((which) => snapshotsOf(place, which)))).flat(),
  ]
}

/** Their keys: the first column, without its heading. */
const snapshotsOf = async (place: ContainerdNamespace, which: readonly string[]): Promise<string[]> =>
  (await linesOf(place, 'snapshots', ...which, 'list')).slice(1).flatMap((line) => line.split(' ')[0] ?? [])

async function removeNamespace(place: ContainerdNamespace): Promise<void> {
  await clearNamespace(place)
  await tryCtr(place, 'namespaces', 'rm', place.name)
  await removeShimRemains(place.name, place.address)
  await removeCgroups(place.name) // of its containers: they are below one of this name
}

/** Removes what runs left whose workspaces no longer exist, or which ended while this containerd did not respond. @throws HeadstartError E_COMMAND */
export async function removeStaleNamespaces(address: string): Promise<void> {
  for (const place of await staleNamespaces(address)) await removeNamespace(place)
}
