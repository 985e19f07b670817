/**
 * Processes that a killed run left behind: shims, and their containers, outlive the containerd that the kernel killed along with us. They
 * are recognized by the path of the dead run's workspace in their command lines, and belong to our own user: anyone can write such a line.
 */

import { isPrivate } from '../../system/files/private-folder.ts'
import { killAll, listProcesses, type Process } from '../../system/process/processes.ts'
import type { Workspace } from '../../system/workspace.ts'

/** Kills them and everything they started. Call it before the workspace is removed. */
export async function endOrphans({ folder, state }: Pick<Workspace, 'folder' | 'state'>): Promise<void> {
  // Only in a folder that nobody else could have made is there anything of ours.
  const places: string[] = []
  for (const place of [folder, state]) if (await isPrivate(place)) places.push(place)
  if (places.length === 0) return
  const processes = await listProcesses()
  const uid = process.geteuid?.() ?? -1
  await killAll(places.flatMap((place) => findOrphans(processes, place, uid)))
}

/** What comes before a path in an argument: `--address=`, `unix://`. */
const BEFORE_PATH = /^(?:--?[\w-]+=)?(?:unix:\/\/)?/

/**
 * Pure.
 * @param uid whose they are; what they started may be another user's
 * @returns parents before their children
 */
export function findOrphans(processes: readonly Process[], folder: string, uid: number): number[] {
  const isNamed = (arg: string) => arg.replace(BEFORE_PATH, '').startsWith(`${folder}/`)
  const ours = processes.filter((each) => each.uid === uid && each.args.some(isNamed))
  const found = new Set(ours.map(({ pid }) => pid))
  // A set that grows while it is walked: children of children are seen too.
  for (const parent of found) for (const child of processes) if (child.parent === parent) found.add(child.pid)
  return [...found]
}
