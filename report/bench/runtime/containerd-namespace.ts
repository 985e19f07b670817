/**
 * A namespace in a containerd that is not ours: all that a measurement makes there lies in it, and goes with it. It is named as its
 * workspace, so that what a killed run left is known by its name alone.
 */
import { readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type CommandResult, tryCommand } from '../../../system/command.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { hasEnded } from '../../../system/owner.ts'
import { exchangeable, trustedUsers } from '../../../system/private-folder.ts'
import { removeCgroups } from '../../../system/processes.ts'
import type { Workspace } from '../../../system/workspace.ts'

export interface ContainerdNamespace {
  /** of containerd's socket */
  readonly address: string
  readonly name: string
}

/** Nothing else is ever emptied or removed: the others are other people's. */
const OURS = /^headstart-(\d+)-[0-9a-f]{8}$/
const FILE = 'containerd.json'
/** A question is answered at once; unpacked layers of gigabytes take a while to be removed. */
const ANSWER_MS = 10_000
const REMOVAL_MS = 120_000
/** The default one, which full pulls use, and the lazy one. */
const SNAPSHOTTERS = [[], ['--snapshotter', 'stargz']] as const

const placeSchema = z.strictObject({ address: z.string().startsWith('/'), name: z.string().regex(OURS) })

/** For `ctr` and its kin: which daemon, which namespace; what else the environment says about them would be another measurement. */
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
 * Disposing removes it with all that is in it.
 * @throws HeadstartError E_COMMAND
 */
export async function leaseNamespace(
  address: string,
  workspace: Workspace,
): Promise<ContainerdNamespace & AsyncDisposable> {
  const place = { address, name: workspace.id }
  // Written down before it is made: whoever finds the one without the other has nothing to remove.
  await writeFile(join(workspace.state, FILE), JSON.stringify(place), { flag: 'wx', mode: 0o600 })
  await using stack = new AsyncDisposableStack()
  stack.defer(() => removeNamespace(place))
  const { status, stderr } = await tryCtr(place, 'namespaces', 'create', place.name)
  if (status !== 0) throw new HeadstartError('E_COMMAND', `containerd at ${address}: ${stderr.trim()}`)
  const owned = stack.move()
  return { ...place, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Namespaces of ours in a containerd whose process is gone. */
async function staleNamespaces(address: string): Promise<ContainerdNamespace[]> {
  const names = await linesOf({ address, name: 'default' }, 'namespaces', 'list', '--quiet')
  const stale: ContainerdNamespace[] = []
  for (const name of names) {
    const pid = OURS.exec(name)?.[1]
    if (pid !== undefined && (await hasEnded(Number(pid)))) stale.push({ address, name })
  }
  return stale
}

/**
 * What the run of a stale workspace left in a containerd: only the namespace that is named as the workspace, and only in a containerd of
 * root's or our own. A daemon that is gone is left alone.
 */
export async function sweepNamespace({ id, state }: Pick<Workspace, 'id' | 'state'>): Promise<void> {
  const text = await readFile(join(state, FILE), 'utf8').catch(() => '{}')
  try {
    const place = placeSchema.parse(JSON.parse(text))
    if (place.name === id && (await isTrusted(place.address))) await removeNamespace(place)
  } catch {
    // No containerd was used, or it does not answer: the next measurement in it finds what is left.
  }
}

/** A socket that nobody else owns or could put there. */
async function isTrusted(address: string): Promise<boolean> {
  const socket = await realpath(address)
  const { uid } = await stat(socket)
  return (await trustedUsers()).has(uid) && (await exchangeable(dirname(socket))) === undefined
}

/**
 * Ends and removes all that is in it, down to the content. Says what is still there when patience runs out.
 * @throws HeadstartError E_COMMAND
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
        `containerd at ${place.address} keeps in the namespace ${place.name}: ${left.slice(0, 3).join(', ')}`,
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
  // Garbage is collected in the background, unless the end of a lease asks to wait for it.
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

/** Their keys: the first column, below its head. */
const snapshotsOf = async (place: ContainerdNamespace, which: readonly string[]): Promise<string[]> =>
  (await linesOf(place, 'snapshots', ...which, 'list')).slice(1).flatMap((line) => line.split(' ')[0] ?? [])

async function removeNamespace(place: ContainerdNamespace): Promise<void> {
  await clearNamespace(place)
  await tryCtr(place, 'namespaces', 'rm', place.name)
  await removeCgroups(place.name) // its containers had theirs below one of this name
}

/** What was left by runs whose workspaces are gone too, or while this containerd did not answer. @throws HeadstartError E_COMMAND */
export async function removeStaleNamespaces(address: string): Promise<void> {
  for (const place of await staleNamespaces(address)) await removeNamespace(place)
}
