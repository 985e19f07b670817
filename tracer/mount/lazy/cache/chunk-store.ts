/** Content of chunks by its digest, shared with other mounts. */
import type { Chunk } from '../../../../image/estargz/read/reader.ts'

export interface ChunkStore {
  has(chunk: Chunk): boolean
  /** @returns undefined, at once or later: it isn't there, or was damaged. Never rejects. */
  get(chunk: Chunk): Promise<Buffer | undefined> | undefined
  /** Written at some later time, or never: it is a cache. */
  put(chunk: Chunk, content: Buffer): void
}
