/** What is mounted that this process made. */
import { readFile } from 'node:fs/promises'

/** Their lines of /proc/self/mounts. */
export const mountsOfOurs = async (): Promise<string[]> =>
  (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .filter((line) => line.includes(`headstart-${process.pid}-`))
