/** Removes what killed runs left behind: containers, mounts, folders. */
import { mkdir, readFile, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../system/errors.ts'
import { exists } from '../system/files/exists.ts'
import { withFolderLock } from '../system/files/lock.ts'
import { mountsOfType } from '../system/mounts.ts'
import { tryCommand } from '../system/process/command.ts'
import { isGone } from '../system/process/owner.ts'
import { removeWorkspace, type StaleWorkspace, staleWorkspaces, workspaceRoot } from '../system/workspace.ts'
import { dockerEngine } from './container/docker/engine.ts'
import { engineAnswers, listObjects } from './container/docker/objects.ts'
import { engines } from './container/index.ts'
import { endOrphans } from './container/orphans.ts'

/** Removes what a killed command of a higher floor left outside its workspace. Does nothing where nothing is left. */
export interface Sweeper {
  readonly name: string
  sweep(stale: StaleWorkspace): Promise<void>
}

/** A process that is sweeping holds the lock for longer; two that merely collided don't. */
const CLAIM_MS = 200
const PATIENCE_MS = 1000
const OURS = /^headstart-\d+-[0-9a-f]+$/

/**
 * Several processes may sweep at once: each workspace is removed by one of them.
 * @param sweepers remove what commands of higher floors leave
 * @returns what was removed, by the name of its workspace
 */
export async function sweep(sweepers: readonly Sweeper[] = []): Promise<StaleWorkspace[]> {
  const removed: StaleWorkspace[] = []
  for (const stale of await staleWorkspaces()) {
    if (await claimed(stale, () => sweepOne(stale, sweepers))) removed.push(stale)
  }
  for (const orphan of await orphans()) {
    await dockerEngine.sweep(orphan.id, orphan.state)
    removed.push(orphan)
  }
  await detachDeadMounts()
  return removed
}

async function sweepOne(stale: StaleWorkspace, sweepers: readonly Sweeper[]): Promise<void> {
  for (const engine of Object.values(engines)) await engine.sweep(stale.id, stale.state)
  await endOrphans(stale)
  for (const sweeper of sweepers) await sweeper.sweep(stale)
  await removeWorkspace(stale)
}

/** @returns false: another process is sweeping it, or has */
async function claimed({ folder, state }: StaleWorkspace, work: () => Promise<void>): Promise<boolean> {
  try {
    // A state folder inside the workspace is missing if the command was killed before it made one, and after a reboot.
    if (dirname(state) === folder) await mkdir(state, { mode: 0o700, recursive: true })
    await withFolderLock(state, work, { limitMs: CLAIM_MS })
    return true
  } catch (error) {
    if (codeOf(error) === 'E_LOCKED' || codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/**
 * Our mounts anywhere (`headstart mount` mounts wherever it is asked to) whose server is gone. Those of other users are left alone: they
 * may never respond.
 */
async function detachDeadMounts(): Promise<void> {
  const table = await readFile('/proc/self/mountinfo', 'utf8')
  for (const point of mountsOfType(table, 'fuse.headstart', `user_id=${process.geteuid?.()}`)) {
    // Unlike other calls, statfs always reaches the server; a slow one is not waited for.
    const question = statfs(point).then(() => undefined, codeOf)
    const code = await Promise.race([question, sleep(PATIENCE_MS, undefined, { ref: false })])
    if (code === 'ENOTCONN') await tryCommand('umount', ['-l', point])
  }
}

/**
 * What an engine made for a process that is gone, as is its workspace. An engine may be shared with another pid namespace, whose processes
 * and workspaces are not visible here: each object names its owner, and what doesn't is left alone.
 */
async function orphans(): Promise<StaleWorkspace[]> {
  if (!(await engineAnswers())) return []
  const found = new Map<string, StaleWorkspace>()
  for (const { id, owner } of await listObjects()) {
    if (!OURS.test(id) || found.has(id) || owner === undefined) continue
    const folder = join(workspaceRoot(), id)
    if (!(await exists(folder)) && (await isGone(owner))) found.set(id, { id, folder, state: folder })
  }
  return [...found.values()]
}
