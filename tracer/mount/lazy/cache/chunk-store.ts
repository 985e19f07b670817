/** Content of chunks by its digest, shared with other mounts and other images: what a later build has in common with one before is fetched once. */

import { chunkFault } from '../../../../image/estargz/read/decode.ts'
import type { Chunk } from '../../../../image/estargz/read/reader.ts'
import type { DiskCache } from '../../../../system/cache/disk-cache.ts'

export interface ChunkStore {
  has(chunk: Chunk): boolean
  /** @returns checked content; undefined, at once or later: it isn't there, or was damaged. Never rejects. */
  get(chunk: Chunk): Promise<Buffer | undefined> | undefined
  /** @param content checked. Written at some later time, or never */
  put(chunk: Chunk, content: Buffer): void
}

/** @param onHit told the bytes of each chunk that was read from the disk */
export function createChunkStore(disk: DiskCache, onHit: (bytes: number) => void): ChunkStore {
  const reading = new Map<string, Promise<Buffer | undefined>>()

  async function read(key: string, chunk: Chunk): Promise<Buffer | undefined> {
    const content = await disk.read(key, chunk.size)
    if (content === undefined || chunkFault(chunk, content)) {
      await disk.remove(key)
      return undefined
    }
    onHit(content.length)
    return content
  }

  return {
    has(chunk) {
      const key = keyOf(chunk)
      return key !== undefined && disk.has(key)
    },
    get(chunk) {
      const key = keyOf(chunk)
      if (key === undefined) return undefined
      const known = reading.get(key)
      if (known) return known
      if (!disk.has(key)) return undefined
      const content = read(key, chunk).finally(() => reading.delete(key))
      reading.set(key, content)
      return content
    },
    put(chunk, content) {
      const key = keyOf(chunk)
      if (key !== undefined) disk.write(key, content)
    },
  }
}

/** Without a digest nobody could check it. */
const keyOf = ({ digest, size }: Chunk): string | undefined =>
  digest === undefined ? undefined : `${digest.slice('sha256:'.length)}.${size}`
