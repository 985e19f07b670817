/**
 * Lets one process at a time work in a folder. A process that wants the lock creates a file with its name in the folder and then lists it: it
 * has the lock if there is no file of another living process; else it removes its file and tries again. Of two processes, the second sees
 * the first one's file, so they never both have the lock. Names are never reused, so any process can remove those of dead ones.
 */
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { HeadstartError } from '../errors.ts'
import { isGone } from '../process/owner.ts'
import { besideName, isLeftover, writerOf } from './leftovers.ts'

export interface LockOptions {
  /** called once if it takes more than a moment, with what is being waited for */
  readonly onWait?: ((text: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** how long to wait at most */
  readonly limitMs?: number
}

const LOCK = '.lock'
const NOTICE_MS = 1000
const LIMIT_MS = 60_000
/** Random, so that two processes that collided don't collide again. */
const retryMs = (): number => 5 + Math.random() * 20

/**
 * @param folder exists, and can be written to
 * @throws HeadstartError E_LOCKED: another process held it all the time
 */
export async function withFolderLock<T>(
  folder: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  await using _lock = await take(folder, options)
  return await work()
}

async function take(folder: string, options: LockOptions): Promise<AsyncDisposable> {
  const { limitMs = LIMIT_MS, onWait, signal } = options
  const since = performance.now()
  let isTold = false
  for (;;) {
    signal?.throwIfAborted()
    const held = await tryTake(folder)
    if (typeof held !== 'string') return held
    const waited = performance.now() - since
    // First, so that it is said on a machine that stood still beyond the limit, too.
    if (waited > NOTICE_MS && !isTold) {
      isTold = true
      onWait?.(`waiting for ${folder}, which ${holderOf(held)} is using`)
    }
    if (waited > limitMs) throw lockedFor(folder, held, waited)
    await setTimeout(retryMs(), undefined, { ...(signal && { signal }) })
  }
}

/** @returns the lock, or the name of the file that holds it */
async function tryTake(folder: string): Promise<AsyncDisposable | string> {
  const before = await otherName(folder)
  if (before !== undefined) return before
  const ours = await besideName(LOCK)
  const lock = { [Symbol.asyncDispose]: () => rm(join(folder, ours), { force: true }) }
  await writeFile(join(folder, ours), '', { flag: 'wx' })
  try {
    const after = await otherName(folder, ours)
    if (after === undefined) return lock
    await lock[Symbol.asyncDispose]()
    return after
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

/** The file of a living process; those of dead ones are removed. */
async function otherName(folder: string, ours?: string): Promise<string | undefined> {
  for (const name of await readdir(folder)) {
    if (name === ours || !isLeftover(name, LOCK)) continue
    const writer = writerOf(name)
    if (!writer || !(await isGone(writer))) return name
    await rm(join(folder, name), { force: true }).catch(() => {}) // one that belongs to another user does no harm
  }
  return undefined
}

const holderOf = (name: string): string => `process ${writerOf(name)?.pid ?? 'unknown'}`

const lockedFor = (folder: string, name: string, ms: number): HeadstartError =>
  new HeadstartError(
    'E_LOCKED',
    `${folder} is locked: ${holderOf(name)} has been using it for ${Math.round(ms / 1000)} s`,
    { hint: `Wait for it and try again; if that process is not headstart, remove ${join(folder, name)}` },
  )
