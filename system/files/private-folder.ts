/**
 * Folders that no other user can access. What is in such a folder was put there by our own user and doesn't change under us, so it can be
 * trusted: removed recursively, or passed to a program that executes what it says.
 */
import { lstat, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

const OTHERS_WRITE = 0o022
const OTHERS_ANYTHING = 0o077
const STICKY = 0o1000

/** A real folder of our own user, on which no other user has any permissions. */
export async function isPrivate(folder: string): Promise<boolean> {
  const info = await lstat(folder).catch(() => undefined)
  return (
    info?.isDirectory() === true && info.uid === process.geteuid?.() && (info.mode & OTHERS_ANYTHING) === 0
  )
}

/**
 * Whether another user could replace a folder that we make in `folder`: because of who owns it or a folder above, or who may write there
 * without the sticky bit, which protects files from users other than their owners.
 * @returns the reason, in words; undefined if nobody could
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

/** Whether other users may create files in it, as in /tmp. */
export async function isSharedFolder(folder: string): Promise<boolean> {
  return ((await stat(folder)).mode & OTHERS_WRITE) !== 0
}

/**
 * Root, ourselves, the owner of the root folder (in a user namespace root may not be mapped), and the user who became root through sudo:
 * they can do everything that we can anyway.
 */
export async function trustedUsers(): Promise<Set<number>> {
  const us = process.geteuid?.() ?? 0
  const caller = Number(process.env.SUDO_UID)
  const { uid: owner } = await stat('/')
  return new Set([0, us, owner, ...(us === 0 && Number.isInteger(caller) ? [caller] : [])])
}
