/** When a container has nothing left to do: each of its threads waits for something that is no file. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { until } from '../../scripts/support/until.ts'

/** In a row: its threads are not looked at in the same moment. */
const LOOKS = 5
/** Where the kernel has a thread wait for a file system or a disk. */
const FOR_FILES = /request_wait_answer|fuse|folio|bio_wait|bit_wait/

/** @param place a mount point that no other container has */
export async function untilAtRest(place: string): Promise<void> {
  let looks = 0
  await until(`the container with ${place} is at rest`, async () => {
    looks = (await isAtRest(place)) ? looks + 1 : 0
    return looks === LOOKS
  })
}

async function isAtRest(place: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const ours = await readlink('/proc/self/ns/mnt')
  const tasks = await Promise.all(
    pids.map(async (pid) => {
      const theirs = await readlink(`/proc/${pid}/ns/mnt`).catch(() => ours)
      if (theirs === ours || !(await textOf(`/proc/${pid}/mountinfo`)).includes(` ${place} `)) return []
      const ids = await readdir(`/proc/${pid}/task`).catch(() => [])
      return ids.map((id) => `/proc/${pid}/task/${id}`)
    }),
  )
  const states = await Promise.all(tasks.flat().map(isAsleep))
  return states.length > 0 && states.every(Boolean)
}

/** One that has just ended is not: what it did last may have started others. */
async function isAsleep(task: string): Promise<boolean> {
  const [stat, waits] = [await textOf(`${task}/stat`), await textOf(`${task}/wchan`)]
  return /\) [SZ] [^)]*$/.test(stat) && !FOR_FILES.test(waits)
}

const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
