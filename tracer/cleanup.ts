/** Removes what runs that were killed left behind: containers, mounts, folders. */
import { access, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeWorkspace, type StaleWorkspace, staleWorkspaces, workspaceRoot } from '../image/workspace.ts'
import { dockerEngine, dockerIds } from './engine/docker.ts'
import { engines } from './engine/index.ts'

const CLAIM = 'sweeper'

/**
 * Several processes may sweep at once: each workspace is removed by one of them.
 * @returns what was removed, by the name of its workspace
 */
export async function sweep(): Promise<StaleWorkspace[]> {
  const removed: StaleWorkspace[] = []
  for (const stale of await staleWorkspaces()) {
    if (!(await claim(stale.folder))) continue
    for (const engine of Object.values(engines)) await engine.sweep(stale.id, stale.folder)
    await removeWorkspace(stale.folder)
    removed.push(stale)
  }
  for (const orphan of await orphans()) {
    await dockerEngine.sweep(orphan.id, orphan.folder)
    removed.push(orphan)
  }
  return removed
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

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
