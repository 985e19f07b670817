/** A store whose small blobs are kept between runs: configs, manifests and artifacts, which are asked for by their digests. */
import { Readable } from 'node:stream'
import { readBounded } from '../system/files/read-bounded.ts'
import { digestOf } from './digest.ts'
import type { BlobStore } from './source-from-store.ts'
import type { Digest } from './types.ts'

export interface BlobKeeper {
  /** @returns checked bytes; undefined: it isn't there */
  get(digest: Digest, size: number): Promise<Buffer | undefined>
  /** @param bytes checked */
  put(digest: Digest, bytes: Buffer): void
}

/** Larger ones, layers above all, are read as they arrive, and not kept. */
const MOST_BYTES = 32 << 20

export function keeping(store: BlobStore, keeper: BlobKeeper): BlobStore {
  const { beside } = store
  return {
    ...store,
    ...(beside && { beside: (suffix: string) => keeping(beside(suffix), keeper) }),
    async open(descriptor, range, signal) {
      const { digest, size } = descriptor
      if (range || size > MOST_BYTES) return store.open(descriptor, range, signal)
      const known = await keeper.get(digest, size)
      if (known) return Readable.from([known], { objectMode: false })
      const bytes = await readBounded(await store.open(descriptor, undefined, signal), size, digest)
      if (bytes.length === size && digestOf(bytes) === digest) keeper.put(digest, bytes)
      return Readable.from([bytes], { objectMode: false })
    },
  }
}
