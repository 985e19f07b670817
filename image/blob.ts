/** Blobs that are not stored anywhere yet. */
import { Readable } from 'node:stream'
import type { Blob, Descriptor } from './types.ts'

/** A blob of bytes in memory. */
export function bytesBlob(descriptor: Descriptor, bytes: Uint8Array): Blob {
  return {
    descriptor,
    open: async (range) =>
      Readable.from([Buffer.from(bytes).subarray(range?.start ?? 0, range?.end)], { objectMode: false }),
  }
}
