/** Holds the lock of a folder until standard input ends; or, given a number, counts so many times in its file `count`. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withFolderLock } from '../../../system/files/lock.ts'

const [folder = '', times] = process.argv.slice(2)
if (times === undefined)
  await withFolderLock(folder, async () => {
    process.stdout.write('held\n')
    // The other end reads to the line's end and no further.
    process.stdout.end()
    for await (const _ of process.stdin); // until it ends
  })
for (let time = 0; time < Number(times ?? 0); time++)
  await withFolderLock(folder, async () => {
    const file = join(folder, 'count')
    await writeFile(file, String(Number(await readFile(file, 'utf8')) + 1))
  })
