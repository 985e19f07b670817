/**
 * Folders that nobody else can get at. What lies in such a folder was put there by our own user, stays what it is while we look at it, and
 * so may be acted upon: removed with all that is in it, or handed to a program that runs what it says.
 */
import { lstat, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

const OTHERS_WRITE = 0o022
const OTHERS_ANYTHING = 0o077
const STICKY = 0o1000

/** A real folder of our own user, in which nobody else has any rights. */
export async function isPrivate(folder: string): Promise<boolean> {
  const info = await lstat(folder).catch(() => undefined)
  return (
    info?.isDirectory() === true && info.uid === process.geteuid?.() && (info.mode & OTHERS_ANYTHING) === 0
  )
}

/**
 * Whether somebody else could put another folder in the place of one that we make in `folder`: who owns it or one of the folders above, and
 * who may write there, unless the sticky bit leaves everybody's files to their owners.
 * @returns in words, what makes it so
 */
export async function exchangeable(folder: string): Promise<string | undefined> {
  for (let at = await realpath(folder); ; at = dirname(at)) {
    const { uid, mode } = await stat(at)
    if (!(await trustedUsers()).has(uid)) return `${at} belongs to another user (uid ${uid})`
    if ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0)
      return `others may write to ${at}, which lacks the sticky bit`
    if (at === dirname(at)) return undefined
  }
}

/** Whether everybody may put something into it, as into /tmp. */
export async function isSharedFolder(folder: string): Promise<boolean> {
  return ((await stat(folder)).mode & OTHERS_WRITE) !== 0
}

/**
 * Root, ourselves, whoever owns the root folder (in a user namespace root may have no number), and who became root through sudo: they can
 * do all that we can without us.
 */
export async function trustedUsers(): Promise<Set<number>> {
  const us = process.geteuid?.() ?? 0
  const caller = Number(process.env.SUDO_UID)
  const { uid: owner } = await stat('/')
  return new Set([0, us, owner, ...(us === 0 && Number.isInteger(caller) ? [caller] : [])])
}
