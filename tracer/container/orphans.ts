/**
 * What daemons of a killed run left running: shims outlive the containerd that the kernel ended with us, and their containers with
 * them. They are known by the dead run's workspace in their command line.
 */

import { killAll, listProcesses, type Process } from '../../system/processes.ts'
import type { Workspace } from '../../system/workspace.ts'

/** Ends them, with all that they started. To be called before the workspace is removed. */
export async function endOrphans({ folder, state }: Pick<Workspace, 'folder' | 'state'>): Promise<void> {
  const processes = await listProcesses()
  await killAll([folder, state].flatMap((place) => findOrphans(processes, place)))
}

/** Pure. @returns parents before their children */
export function findOrphans(processes: readonly Process[], folder: string): number[] {
  const found = new Set(
    processes.filter(({ args }) => args.some((arg) => arg.includes(`${folder}/`))).map(({ pid }) => pid),
  )
  // A set that grows while it is walked: children of children are seen too.
  for (const parent of found) for (const child of processes) if (child.parent === parent) found.add(child.pid)
  return [...found]
}
