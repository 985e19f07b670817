/** Removes what runs that were killed left behind: containers, mounts, folders. */
import { readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tryCommand } from '../image/command.ts'
import { codeOf } from '../image/errors.ts'
import { exists } from '../image/exists.ts'
import { mountsOfType } from '../image/mounts.ts'
import { removeWorkspace, type StaleWorkspace, staleWorkspaces, workspaceRoot } from '../image/workspace.ts'
import { removeBridge } from './bridge.ts'
import { sweepNamespace } from './containerd-namespace.ts'
import { dockerEngine, dockerIds } from './engine/docker.ts'
import { engines } from './engine/index.ts'
import { endOrphans } from './orphans.ts'

const CLAIM = 'sweeper'
const PATIENCE_MS = 1000

/**
 * Several processes may sweep at once: each workspace is removed by one of them.
 * @returns what was removed, by the name of its workspace
 */
export async function sweep(): Promise<StaleWorkspace[]> {
  const removed: StaleWorkspace[] = []
  for (const stale of await staleWorkspaces()) {
    if (!(await claim(stale.folder))) continue
    await sweepNamespace(stale.folder)
    for (const engine of Object.values(engines)) await engine.sweep(stale.id, stale.folder)
    await endOrphans(stale.folder)
    await removeBridge(stale.id)
    await removeWorkspace(stale.folder)
    removed.push(stale)
  }
  for (const orphan of await orphans()) {
    await dockerEngine.sweep(orphan.id, orphan.folder)
    removed.push(orphan)
  }
  await detachDeadMounts()
  return removed
}

/** Mounts of ours anywhere (`headstart mount` mounts where it is told to) whose server is gone. */
async function detachDeadMounts(): Promise<void> {
  for (const point of mountsOfType(await readFile('/proc/self/mountinfo', 'utf8'), 'fuse.headstart')) {
    // Of all questions this one always goes to the server; what a slow one answers is waited for by nobody.
    const question = statfs(point).then(() => undefined, codeOf)
    const code = await Promise.race([question, sleep(PATIENCE_MS, undefined, { ref: false })])
    if (code === 'ENOTCONN') await tryCommand('umount', ['-l', point])
  }
}

/** @returns false: another process is at it, or has done it */
async function claim(folder: string): Promise<boolean> {
  const file = join(folder, CLAIM)
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' })
      return true
    } catch {
      const owner = await readFile(file, 'utf8').catch(() => '')
      if (owner === '' || (await exists(`/proc/${owner}`))) return false
      await rm(file, { force: true }) // it was killed at it
    }
  }
  return false
}

/** What an engine made for a process that is gone, and whose workspace is gone too. */
async function orphans(): Promise<StaleWorkspace[]> {
  const found: StaleWorkspace[] = []
  for (const id of new Set(await dockerIds())) {
    const pid = /^headstart-(\d+)-[0-9a-f]+$/.exec(id)?.[1]
    const folder = join(workspaceRoot(), id)
    // A run with another folder for temporary files has its workspace elsewhere: its process tells.
    if (pid !== undefined && !(await exists(folder)) && !(await exists(`/proc/${pid}`)))
      found.push({ id, folder })
  }
  return found
}
