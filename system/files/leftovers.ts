/** Temporary files beside their final place have the writing process in their name, so that those of a killed process are found and removed. */
import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isGone, MARK_PATTERN, markOf, type Owner, ourselves, ownerFrom } from '../process/owner.ts'

const BESIDE = new RegExp(String.raw`^(.*)\.headstart-${MARK_PATTERN}-[0-9a-f]{12}$`, 's')

/** A unique name for a file that is to become `name`. */
export const besideName = async (name: string): Promise<string> =>
  `${name}.headstart-${markOf(await ourselves())}-${randomBytes(6).toString('hex')}`

/** Whether an entry of a folder was written beside `name`, or beside anything. */
export const isLeftover = (entry: string, name?: string): boolean => {
  const match = BESIDE.exec(entry)
  return match !== null && (name === undefined || match[1] === name)
}

/** Which process wrote it. */
export const writerOf = (entry: string): Owner | undefined => {
  const match = BESIDE.exec(entry)
  return match ? ownerFrom(match.slice(2)) : undefined
}

/** Removes from `folder` what dead processes left beside `name`, or beside anything; what we may not remove stays. */
export async function removeLeftovers(folder: string, name?: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const writer = isLeftover(entry, name) && writerOf(entry)
    if (writer && (await isGone(writer))) await rm(join(folder, entry), { force: true }).catch(() => {})
  }
}
