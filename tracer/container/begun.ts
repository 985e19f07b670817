/** When a container's own program is running: runc creates the container first, and commands can be run in it before the image's own program is. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** What runc calls its process in the container until that becomes the program. Source: runc, libcontainer/nsenter/nsexec.c. */
const WAITING = /^runc:\[/
const POLL_MS = 2

/** Resolves once the process is the program, or is gone. A pid of another process, or of none, counts as begun. */
export async function processBegun(pid: number, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted && (await isWaiting(pid))) await sleep(POLL_MS)
}

const isWaiting = async (pid: number): Promise<boolean> =>
  WAITING.test(await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''))

/** The same for the process whose pid runc writes to a file once it has created the container, unless the container ends first. */
export async function containerBegun(
  pidFile: string,
  exited: Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  let hasEnded = false
  const end = () => {
    hasEnded = true
  }
  exited.then(end, end)
  while (!hasEnded && !signal?.aborted) {
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
    if (pid > 0) return processBegun(pid, signal)
    await sleep(POLL_MS)
  }
}
