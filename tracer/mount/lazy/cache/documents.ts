/** What is read before any content, kept for the next mount: configs and profiles by digest, tables of contents by their layer's. */

import { digestOf } from '../../../../image/digest.ts'
import { MAX_TOC_COMPRESSED } from '../../../../image/estargz/read/reader.ts'
import type { BlobKeeper } from '../../../../image/kept-blobs.ts'
import type { Digest } from '../../../../image/types.ts'
import type { DiskCache } from '../../../../system/cache/disk-cache.ts'

/** A layer's end, from where its data ends; with a table of contents in another image that as well. Unchecked: opening them checks them. */
export interface KeptToc {
  readonly tail: Buffer
  readonly external?: Buffer
}

export interface KeptTocs {
  get(layer: Digest): Promise<KeptToc | undefined>
  put(layer: Digest, toc: KeptToc): void
  remove(layer: Digest): Promise<void>
}

const hexOf = (digest: Digest): string => digest.slice('sha256:'.length)

/** As the reader of tables of contents has it, with a footer. */
const MOST_TOC_BYTES = MAX_TOC_COMPRESSED + (1 << 20)

export function keptTocs(disk: DiskCache): KeptTocs {
  const keysOf = (layer: Digest) => ({
    tail: `${hexOf(layer)}.toc`,
    external: `${hexOf(layer)}.toc-external`,
  })
  return {
    async get(layer) {
      const keys = keysOf(layer)
      if (!disk.has(keys.tail)) return undefined
      const [tail, external] = await Promise.all([
        disk.read(keys.tail, MOST_TOC_BYTES),
        disk.has(keys.external) ? disk.read(keys.external, MOST_TOC_BYTES) : undefined,
      ])
      return tail && { tail, ...(external && { external }) }
    },
    put(layer, { tail, external }) {
      const keys = keysOf(layer)
      disk.write(keys.tail, tail)
      if (external) disk.write(keys.external, external)
    },
    async remove(layer) {
      const keys = keysOf(layer)
      await Promise.all([disk.remove(keys.tail), disk.remove(keys.external)])
    },
  }
}

export function keeperOf(disk: DiskCache): BlobKeeper {
  const keyOf = (digest: Digest, size: number) => `${hexOf(digest)}.${size}`
  return {
    async get(digest, size) {
      const key = keyOf(digest, size)
      if (!disk.has(key)) return undefined
      const bytes = await disk.read(key, size)
      if (bytes && digestOf(bytes) === digest) return bytes
      await disk.remove(key)
      return undefined
    },
    put: (digest, bytes) => disk.write(keyOf(digest, bytes.length), bytes),
  }
}
