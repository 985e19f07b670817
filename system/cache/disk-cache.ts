/**
 * A folder of files by key that processes of one user share: written behind, so that nobody waits for it; bounded, the least recently used
 * removed first; and safe for several at once, since each file is renamed into place whole. What can be checked of it is checked by those who read it.
 */
import { constants, existsSync } from 'node:fs'
import { mkdir, open, realpath, rename, rm, statfs, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, HeadstartError, messageOf } from '../errors.ts'
import { besideName } from '../files/leftovers.ts'
import { withFolderLock } from '../files/lock.ts'
import { makeFolder } from '../files/make-folder.ts'
import { exchangeable, isPrivate } from '../files/private-folder.ts'
import { countBytes, evict, onDisk, placeOf } from './shards.ts'

export interface DiskCache {
  has(key: string): boolean
  /** Unchecked. @returns undefined: there is no such file, or one with more bytes than `most`. Never rejects. */
  read(key: string, most: number): Promise<Buffer | undefined>
  /** Written at some later time, or never. The bytes must not change. */
  write(key: string, bytes: Buffer): void
  /** For a file that was found damaged. */
  remove(key: string): Promise<void>
  /** How much more it takes without removing anything. */
  room(): Promise<number>
  /** Resolves when nothing is waiting to be written. */
  settled(): Promise<void>
  /** Takes no more, and resolves when what was waiting is written. */
  close(): Promise<void>
}

interface CacheSpec {
  readonly folder: string
  /** that it may take on the disk, about */
  readonly bytes: number
}

/** The layout below the folder. */
const VERSION = 'v1'
/** What waits in memory to be written: a disk that is slower than the network misses the rest. */
const WAITING_BYTES = 256 << 20
/** After writing as much as this part of the limit, what others have written since is counted, too. */
const RECOUNT = 1 / 16
/** So much is removed at once that it need not be done for every file. */
const KEPT = 0.9
/** Of the disk, that is left to others. */
const SPARED = 0.05
/** For a turn to remove files; meanwhile another process does. */
const LOCK_MS = 2000

/** @throws HeadstartError E_CACHE: it can't be made, or others could write to it */
export async function openDiskCache({ folder, bytes: limit }: CacheSpec): Promise<DiskCache> {
  const root = await privateFolder(folder)
  const pathOf = (key: string): string => {
    const { shard, name } = placeOf(key)
    return join(root, shard, name)
  }
  const usage = createUsage(root, limit)
  const writer = createWriter(pathOf, usage)
  const touched = new Set<string>()

  function touch(key: string): void {
    if (touched.has(key)) return
    touched.add(key)
    const now = new Date()
    utimes(pathOf(key), now, now).catch(() => {}) // removed meanwhile
  }

  return {
    has: (key) => writer.waiting.has(key) || existsSync(pathOf(key)),
    async read(key, most) {
      const waiting = writer.waiting.get(key)
      if (waiting) return waiting
      const content = await readUpTo(pathOf(key), most)
      if (content) touch(key)
      return content
    },
    write: writer.write,
    remove: (key) => rm(pathOf(key), { force: true }).catch(() => {}),
    room: usage.room,
    settled: writer.settled,
    close: writer.close,
  }
}

/** @returns the path of what is in it, without symlinks. @throws HeadstartError E_CACHE */
async function privateFolder(wanted: string): Promise<string> {
  const orRefuse = (cause: unknown): never => {
    throw new HeadstartError('E_CACHE', `the cache folder ${wanted} can't be used: ${messageOf(cause)}`, {
      cause,
      hint: 'Choose another one with --cache, or do without: --no-cache',
    })
  }
  await makeFolder(wanted, 0o700).catch(orRefuse)
  const folder = await realpath(wanted).catch(orRefuse)
  const fault = (await isPrivate(folder))
    ? await exchangeable(folder)
    : 'it is not a folder that only its owner can enter'
  const unsafe = (why: string, remedy: string) =>
    new HeadstartError('E_CACHE', `the cache folder ${wanted} is not safe to use: ${why}`, {
      hint: `Choose a folder of your own with --cache, or ${remedy}`,
    })
  if (fault !== undefined) throw unsafe(fault, `make this one private: chmod 700 ${wanted}`)
  const root = join(folder, VERSION)
  await mkdir(root, { mode: 0o700 }).catch((error: unknown) => codeOf(error) === 'EEXIST' || orRefuse(error))
  // From a time when the folder was open to others: they may have put files into it, and may still hold it open.
  if (!(await isPrivate(root)))
    throw unsafe(`${VERSION} in it is not a folder that only its owner can enter`, `remove it: rm -r ${root}`)
  return root
}

/** Something else in a file's place is no content, and must not be waited for. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

async function readUpTo(path: string, most: number): Promise<Buffer | undefined> {
  try {
    await using file = await open(path, READ)
    const found = await file.stat()
    const { size } = found
    if (!found.isFile() || size > most) return undefined
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(size), 0, size, 0)
    return buffer.subarray(0, bytesRead)
  } catch {
    return undefined
  }
}

interface Usage {
  /** Makes room for one file. @returns false: there is none */
  take(bytes: number): Promise<boolean>
  room(): Promise<number>
}

/** What the cache has, of which other processes write a part: counted at first, and again from time to time. */
function createUsage(root: string, limit: number): Usage {
  let counted: Promise<{ used: number; free: number }> | undefined
  let uncounted = 0

  async function count(): Promise<{ used: number; free: number }> {
    const { bavail, blocks, bsize } = await statfs(root)
    return { used: await countBytes(root), free: (bavail - blocks * SPARED) * bsize }
  }

  async function current(): Promise<{ used: number; free: number }> {
    if (uncounted > limit * RECOUNT) counted = undefined
    if (counted === undefined) uncounted = 0
    counted ??= count()
    const { used, free } = await counted
    return { used: used + uncounted, free: free - uncounted }
  }

  return {
    async take(wanted) {
      const bytes = onDisk(wanted)
      const { used, free } = await current()
      if (bytes > limit * KEPT || bytes > free) return false
      if (used + bytes > limit) {
        await withFolderLock(root, () => evict(root, limit * KEPT - bytes), { limitMs: LOCK_MS })
        counted = undefined
        await current()
      }
      uncounted += bytes
      return true
    },
    async room() {
      const { used, free } = await current()
      return Math.max(0, Math.min(limit - used, free))
    },
  }
}

interface Writer {
  readonly waiting: ReadonlyMap<string, Buffer>
  write(key: string, bytes: Buffer): void
  settled(): Promise<void>
  close(): Promise<void>
}

/** Writes one file after the other. After a failure, such as a full disk, no more: what isn't cached is fetched. */
function createWriter(pathOf: (key: string) => string, usage: Usage): Writer {
  const waiting = new Map<string, Buffer>()
  let waitingBytes = 0
  let isStopped = false
  let isClosed = false
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    for (const [key, bytes] of waiting) {
      try {
        if (!isStopped && (await usage.take(bytes.length))) await place(pathOf(key), bytes)
      } catch (error) {
        isStopped = codeOf(error) !== 'E_LOCKED'
      }
      waiting.delete(key)
      waitingBytes -= bytes.length
    }
    writing = undefined
  }

  return {
    waiting,
    write(key, bytes) {
      if (isStopped || isClosed || waiting.has(key) || waitingBytes + bytes.length > WAITING_BYTES) return
      if (existsSync(pathOf(key))) return
      waiting.set(key, bytes)
      waitingBytes += bytes.length
      writing ??= writeAll()
    },
    settled: async () => writing,
    async close() {
      isClosed = true
      await writing
    },
  }
}

/** Not synced: a file that a crash leaves without its content is found by whoever checks it. */
async function place(path: string, bytes: Buffer): Promise<void> {
  const beside = await besideName(path)
  try {
    await writeFile(beside, bytes, { flag: 'wx', mode: 0o600 }).catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
      await mkdir(join(path, '..'), { mode: 0o700 }).catch(() => {}) // another process may have been faster
      await writeFile(beside, bytes, { flag: 'wx', mode: 0o600 })
    })
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {})
    throw error
  }
}
