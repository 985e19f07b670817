/** Processes of this machine: listed, found by their arguments or their control group, and killed. */
import { readdir, readFile, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../errors.ts'

export interface Process {
  readonly pid: number
  readonly parent: number
  /** whose it is */
  readonly uid: number
  readonly args: readonly string[]
}

const CGROUPS = '/sys/fs/cgroup'
const WAIT_MS = 20
/** What was killed ends sooner, however busy the machine is, unless the kernel itself is stuck. */
const PATIENCE_MS = 30_000

/** All that have arguments (kernel threads have none), except ourselves. */
export async function listProcesses(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const all = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      const args = line.split('\0').filter(Boolean)
      const uid = (await stat(`/proc/${pid}`).catch(() => undefined))?.uid ?? -1
      return { pid, parent: Number((await statOf(pid))?.[1]), uid, args }
    }),
  )
  return all.filter(({ pid, args }) => pid !== process.pid && args.length > 0)
}

/** Pids of the processes with this argument. */
export const processesNaming = async (argument: string): Promise<number[]> =>
  (await listProcesses()).filter(({ args }) => args.includes(argument)).map(({ pid }) => pid)

/** State (a letter), parent, and so on; undefined where there is no such process. Source: proc_pid_stat(5). */
async function statOf(pid: number): Promise<string[] | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // Behind the name in parentheses, which may hold any character itself.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** Kills them and waits until they are gone. */
export async function killAll(pids: readonly number[]): Promise<void> {
  const killed = pids.filter((pid) => {
    try {
      return process.kill(pid, 'SIGKILL')
    } catch {
      return false // gone already, or not ours
    }
  })
  await waitFor(async () => !(await Promise.all(killed.map(isAlive))).includes(true))
}

async function waitFor(isOver: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await isOver()) && performance.now() < deadline) await sleep(WAIT_MS)
}

/** A zombie counts as dead. */
async function isAlive(pid: number): Promise<boolean> {
  const [state] = (await statOf(pid)) ?? []
  return state !== undefined && state !== 'Z'
}

/** Kills what runs in the control groups named `id`, and in the groups inside them, in every hierarchy, and removes them all. */
export async function removeCgroups(id: string): Promise<void> {
  const hierarchies = await readdir(CGROUPS).catch(() => [])
  const tops = ['', ...hierarchies].map((name) => join(CGROUPS, name, id))
  for (const group of (await Promise.all(tops.map(withGroupsInside))).flat()) {
    const text = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => undefined)
    if (text === undefined) continue
    await killAll(text.split('\n').filter(Boolean).map(Number))
    await waitFor(() => isSettled(group))
  }
}

/** The innermost first: containerd makes a group for its namespace, and in that one for each container. */
async function withGroupsInside(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => [])
  const folders = entries.filter((entry) => entry.isDirectory())
  const inside = await Promise.all(folders.map(({ name }) => withGroupsInside(join(group, name))))
  return [...inside.flat(), group]
}

/** A group is busy until the kernel has cleaned up its last process; whatever else keeps it there stays so. */
const isSettled = (group: string): Promise<boolean> =>
  rmdir(group).then(
    () => true,
    (error) => codeOf(error) !== 'EBUSY',
  )
