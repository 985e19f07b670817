/** What transfers report while they run. Nothing here prints: `cli/` draws it. */
import { pipeline, type Readable, Transform } from 'node:stream'
import type { Blob, Digest } from './types.ts'

export interface Progress {
  /** `start`, then any number of `bytes`, then `done`; or `existed` alone for a blob that was there already */
  readonly kind: 'start' | 'bytes' | 'done' | 'existed'
  readonly digest: Digest
  readonly mediaType: string
  /** bytes so far */
  readonly done: number
  readonly total: number
}

export type OnProgress = (progress: Progress) => void

/** The same blob, reporting how far it was read. A part that is read again does not count again. */
export function watchBlob(blob: Blob, onProgress: OnProgress | undefined): Blob {
  if (!onProgress) return blob
  const { digest, mediaType, size: total } = blob.descriptor
  let done = 0
  return {
    ...blob,
    async open(range, signal) {
      const source = await blob.open(range, signal)
      let at = range?.start ?? 0
      const counter = new Transform({
        transform(chunk: Buffer, _encoding, next) {
          at += chunk.length
          if (at > done) {
            done = at
            onProgress({ kind: 'bytes', digest, mediaType, done, total })
          }
          next(null, chunk)
        },
      })
      return joined(source, counter)
    },
  }
}

/** `source` through `transform`: an error or an early end of one is an error of both. */
export function joined(source: Readable, transform: Transform): Readable {
  return pipeline(source, transform, () => {}) // the reader sees the error on the stream itself
}
