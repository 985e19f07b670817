/**
 * What daemons of a killed run left running: shims outlive the containerd that the kernel ended with us, and their containers with
 * them. They are known by the dead run's workspace in their command line.
 */
import { readdir, readFile } from 'node:fs/promises'
import { killAll } from './engine/processes.ts'

export interface Process {
  readonly pid: number
  readonly parent: number
  /** arguments, joined by spaces */
  readonly command: string
}

/** Ends them, with all that they started. To be called before the workspaces are removed. @returns how many */
export async function endOrphans(folders: readonly string[]): Promise<number> {
  if (folders.length === 0) return 0
  const orphans = findOrphans(await listProcesses(), folders).filter((pid) => pid !== process.pid)
  await killAll(orphans)
  return orphans.length
}

/** Pure. @returns parents before their children */
export function findOrphans(processes: readonly Process[], folders: readonly string[]): number[] {
  const found = new Set(
    processes
      .filter(({ command }) => folders.some((folder) => command.includes(`${folder}/`)))
      .map(({ pid }) => pid),
  )
  // A set that grows while it is walked: children of children are seen too.
  for (const parent of found) for (const child of processes) if (child.parent === parent) found.add(child.pid)
  return [...found]
}

async function listProcesses(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const all = await Promise.all(
    pids.map(async (pid) => {
      const [command, stat] = await Promise.all([readProc(pid, 'cmdline'), readProc(pid, 'stat')])
      // After the name in parentheses, which may hold anything: state, then the parent.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      return { pid: Number(pid), parent, command: command.replaceAll('\0', ' ') }
    }),
  )
  return all.filter(({ command }) => command !== '')
}

const readProc = (pid: string, name: string): Promise<string> =>
  readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
