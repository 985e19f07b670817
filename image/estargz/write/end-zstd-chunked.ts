/**
 * The end of zstd:chunked: the tar's own end in a frame, then, in skippable frames, the table of contents, the tar-split data, and a footer. The tar holds
 * nothing of them.
 */
import { digestOf } from '../../digest.ts'
import { encodeToc, type TocEntry } from '../format/toc.ts'
import { encodeZstdFooter, SKIPPABLE_HEAD_BYTES, skippableHead } from '../format/zstd-footer.ts'
import { addEndOfTar, type BlobSoFar, type Ending } from './ending.ts'
import { type Details, splitTar } from './tar-split.ts'

export const endZstdChunked: Ending = async (entries, store, tail) => {
  const split = await splitTar(entries, store, tail)
  return {
    detailed: (toc) => withDetails(toc, split.details),
    async finish(toc, blob) {
      const json = joined(encodeToc(toc, digestOf(split.stored)))
      if (tail === undefined) await addEndOfTar(blob, store)
      const tocDigest = digestOf(json)
      const content = json.length
      const stored = await store.compressOne(json)
      const frames = {
        toc: { ...addSkippable(blob, stored), content },
        tocChecksum: digestOf(stored),
        tarSplit: { ...addSkippable(blob, split.stored), content: split.size },
      }
      const footer = encodeZstdFooter(frames.toc)
      blob.add([], footer)
      return { tocDigest, tocBytes: stored.length + footer.length, frames }
    },
  }
}

function* withDetails(toc: Iterable<TocEntry>, details: readonly Details[]): Generator<TocEntry> {
  let index = 0
  for (const entry of toc) yield entry.type === 'chunk' ? entry : { ...entry, ...details[index++] }
}

function addSkippable(blob: BlobSoFar, body: Uint8Array): { offset: number; size: number } {
  const offset = blob.size + SKIPPABLE_HEAD_BYTES
  blob.add([], skippableHead(body.length))
  blob.add([], body)
  return { offset, size: body.length }
}

function joined(pieces: Iterable<Buffer>): Uint8Array<ArrayBuffer> {
  const all = [...pieces]
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0))
  all.reduce((at, piece) => {
    bytes.set(piece, at)
    return at + piece.length
  }, 0)
  return bytes
}
