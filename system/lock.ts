/**
 * One process at a time works on a folder's contents. Who wants to enters its name in the folder, looks around, and has the lock when no
 * other name of a living process is there; else it takes its name back and tries again. Whoever came first is seen by whoever comes
 * second, so two never have it at once; a name is never used again, so one left by a dead process can be removed by anybody.
 */
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { HeadstartError } from './errors.ts'
import { besideName, isLeftover, writerOf } from './leftovers.ts'
import { isGone } from './owner.ts'

export interface LockOptions {
  /** told once, when it takes more than a moment, what is waited for */
  readonly onWait?: ((text: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** how long to wait at most */
  readonly limitMs?: number
}

const LOCK = '.lock'
const NOTICE_MS = 1000
const LIMIT_MS = 60_000
/** Two that came at once must not come at once again. */
const retryMs = (): number => 5 + Math.random() * 20

/**
 * @param folder exists, and can be written to
 * @throws HeadstartError E_LOCKED: another process had it all the time
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
    if (waited > limitMs) throw lockedFor(folder, held, waited)
    if (waited > NOTICE_MS && !isTold) {
      isTold = true
      onWait?.(`waiting for ${folder}, in which ${holderOf(held)} is at work`)
    }
    await setTimeout(retryMs(), undefined, { ...(signal && { signal }) })
  }
}

/** @returns the lock, or the name in the way */
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

/** Of a process that lives. What dead ones left is taken away. */
async function otherName(folder: string, ours?: string): Promise<string | undefined> {
  for (const name of await readdir(folder)) {
    if (name === ours || !isLeftover(name, LOCK)) continue
    const writer = writerOf(name)
    if (!writer || !(await isGone(writer))) return name
    await rm(join(folder, name), { force: true }).catch(() => {}) // one of another user's harms nobody
  }
  return undefined
}

const holderOf = (name: string): string => `process ${writerOf(name)?.pid ?? 'unknown'}`

const lockedFor = (folder: string, name: string, ms: number): HeadstartError =>
  new HeadstartError(
    'E_LOCKED',
    `${folder} is locked: ${holderOf(name)} has been at work in it for ${Math.round(ms / 1000)} s`,
    { hint: `Wait for it and try again; if that process is not headstart, remove ${join(folder, name)}` },
  )
