/** Processes that a dead run left behind, found by what they were started with or by their control group, and ended. */
import { readdir, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const CGROUPS = '/sys/fs/cgroup'
const WAIT_MS = 20
const ATTEMPTS = 50

/** Pids of the processes with this argument. */
export async function processesNaming(argument: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      return pid !== process.pid && line.split('\0').includes(argument) ? [pid] : []
    }),
  )
  return found.flat()
}

/** Kills, and waits until they are gone. */
export async function killAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // gone already
    }
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (!(await Promise.all(pids.map(isAlive))).includes(true)) return
    await sleep(WAIT_MS)
  }
}

/** A dead process that nobody has waited for yet doesn't count. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The state is the letter behind the name in parentheses, which may hold any character itself.
  return stat !== undefined && stat.charAt(stat.lastIndexOf(')') + 2) !== 'Z'
}

/** Ends what runs in the control groups named `id`, in every hierarchy, and removes them. */
export async function removeCgroups(id: string): Promise<void> {
  const hierarchies = await readdir(CGROUPS).catch(() => [])
  const groups = ['', ...hierarchies].map((name) => join(CGROUPS, name, id))
  for (const group of groups) {
    const text = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => undefined)
    if (text === undefined) continue
    await killAll(text.split('\n').filter(Boolean).map(Number))
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (
        await rmdir(group).then(
          () => true,
          () => false,
        )
      )
        break
      await sleep(WAIT_MS)
    }
  }
}
