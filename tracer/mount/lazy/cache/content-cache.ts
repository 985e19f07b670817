/**
 * Decoded content by key: the most recent in memory, all of it on disk while there is room. Both are bounded; what fits in neither is
 * dropped and fetched again.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'

export interface ContentCache {
  get(key: string): Promise<Buffer> | undefined
  has(key: string): boolean
  /** @returns resolves once the cache has no more of it in memory than its limit allows; never rejects */
  put(key: string, content: Buffer): Promise<void>
  /** bytes that the disk still takes */
  room(): number
}

export interface CacheLimits {
  readonly memoryBytes: number
  readonly diskBytes: number
}

interface Spooled {
  readonly position: number
  readonly size: number
}

/** @param folder exists, and is the cache's own */
export async function createContentCache(folder: string, limits: CacheLimits): Promise<ContentCache> {
  const spool = await open(join(folder, 'content'), 'w+')
  /** oldest first */
  const memory = new Map<string, Buffer>()
  const spooled = new Map<string, Spooled>()
  /** being written to disk, and possibly already evicted from memory */
  const leaving = new Map<string, Buffer>()
  let memoryUsed = 0
  let diskUsed = 0
  let writing: Promise<void> = Promise.resolve()

  function keep(key: string, content: Buffer): void {
    memory.set(key, content)
    memoryUsed += content.length
    for (const [oldest, { length }] of memory) {
      if (memoryUsed <= limits.memoryBytes) break
      memory.delete(oldest)
      memoryUsed -= length
    }
  }

  function write(key: string, content: Buffer): Promise<void> {
    if (spooled.has(key) || leaving.has(key) || diskUsed + content.length > limits.diskBytes) return writing
    const position = diskUsed
    diskUsed += content.length
    leaving.set(key, content)
    writing = writing
      .then(() => writeAll(spool, content, position))
      .then(() => void spooled.set(key, { position, size: content.length }))
      .catch(() => {}) // a full disk: content stays in memory, or is fetched again
      .finally(() => void leaving.delete(key))
    return writing
  }

  return {
    get(key) {
      const content = memory.get(key)
      if (content) {
        memory.delete(key)
        memory.set(key, content)
        return Promise.resolve(content)
      }
      const written = leaving.get(key)
      if (written) return Promise.resolve(written)
      const place = spooled.get(key)
      if (!place) return undefined
      return readSpooled(spool, place).then((read) => {
        if (!memory.has(key)) keep(key, read)
        return read
      })
    },
    has: (key) => memory.has(key) || leaving.has(key) || spooled.has(key),
    room: () => limits.diskBytes - diskUsed,
    put(key, content) {
      if (memory.has(key)) return writing
      keep(key, content)
      return write(key, content)
    },
  }
}

/** A single write may take less than it was given. */
async function writeAll(spool: FileHandle, content: Buffer, position: number): Promise<void> {
  for (let done = 0; done < content.length; ) {
    const { bytesWritten } = await spool.write(content, done, content.length - done, position + done)
    done += bytesWritten
  }
}

async function readSpooled(spool: FileHandle, { position, size }: Spooled): Promise<Buffer> {
  const { buffer, bytesRead } = await spool.read(Buffer.allocUnsafe(size), 0, size, position)
  if (bytesRead !== size) throw new Error('the cache file is shorter than what was written')
  return buffer
}
