/** Files that are written beside their place carry the writer's process in their name, so that those of a killed one are found and removed. */
import { randomBytes } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const MARK = '.headstart-'

/** A name that nobody else takes, for what is to become `name`. */
export const besideName = (name: string): string =>
  `${name}${MARK}${process.pid}-${randomBytes(6).toString('hex')}`

/** Removes from `folder` what processes that are no more left beside `name`, or beside anything. */
export async function removeLeftovers(folder: string, name?: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const match = /^(.*)\.headstart-(\d+)-[0-9a-f]{12}$/.exec(entry)
    if (!match || (name !== undefined && match[1] !== name)) continue
    if (await stat(`/proc/${match[2]}`).catch(() => undefined)) continue
    await rm(join(folder, entry), { force: true })
  }
}
