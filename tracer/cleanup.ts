/** Removes what runs that were killed left behind: containers, mounts, folders. */
import { removeWorkspace, type StaleWorkspace, staleWorkspaces } from '../image/workspace.ts'
import { engines } from './engine/index.ts'

/** @returns what was removed, by the name of its workspace */
export async function sweep(): Promise<StaleWorkspace[]> {
  const stale = await staleWorkspaces()
  for (const { id, folder } of stale) {
    for (const engine of Object.values(engines)) await engine.sweep(id, folder)
    await removeWorkspace(folder)
  }
  return stale
}
