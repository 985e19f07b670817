/**
 * Decoded content, by key: the latest in memory, all of it on disk as long as there is room. Both are bounded; what fits in neither is
 * forgotten, and fetched again.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'

export interface ContentCache {
  get(key: string): Promise<Buffer> | undefined
  put(key: string, content: Buffer): void
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

  function write(key: string, content: Buffer): void {
    if (spooled.has(key) || diskUsed + content.length > limits.diskBytes) return
    const position = diskUsed
    diskUsed += content.length
    writing = writing.then(async () => {
      await spool.write(content, 0, content.length, position)
      spooled.set(key, { position, size: content.length })
    })
    writing.catch(() => {}) // a full disk: content stays in memory, or is fetched again
  }

  return {
    get(key) {
      const content = memory.get(key)
      if (content) {
        memory.delete(key)
        memory.set(key, content)
        return Promise.resolve(content)
      }
      const place = spooled.get(key)
      if (!place) return undefined
      return readSpooled(spool, place).then((read) => {
        if (!memory.has(key)) keep(key, read)
        return read
      })
    },
    put(key, content) {
      if (memory.has(key)) return
      keep(key, content)
      write(key, content)
    },
  }
}

async function readSpooled(spool: FileHandle, { position, size }: Spooled): Promise<Buffer> {
  const { buffer, bytesRead } = await spool.read(Buffer.allocUnsafe(size), 0, size, position)
  if (bytesRead !== size) throw new Error('the cache file is shorter than what was written')
  return buffer
}
