/** How a format ends a layer: what follows the last entry, and where the table of contents goes. */
import { type Digest, digestOf } from '../../digest.ts'
import { END_OF_TAR, plainFileHeader } from '../../tar/encode.ts'
import { paddingOf } from '../../tar/entry.ts'
import { TOC_NAME, type TocEntry } from '../format/toc.ts'
import type { Range } from './members.ts'
import type { Emit, LayerStore, PlacedEntry, WrittenToc } from './store.ts'

/** The blob as far as it is written. */
export interface BlobSoFar {
  /** bytes */
  readonly size: number
  readonly add: Emit
}

export interface Closing {
  /** What the format wants to know of entries beyond what every one wants. */
  detailed?(toc: Iterable<TocEntry>): Iterable<TocEntry>
  /** @param toc of the entries; the blob is written as it is walked through */
  finish(toc: Iterable<TocEntry>, blob: BlobSoFar): Promise<Omit<WrittenToc, 'zoneBytes'>>
}

/**
 * @param entries in the layer's order, the landmark among them; all their members are stored
 * @param tail see `LayerOrder`
 */
export type Ending = (
  entries: readonly PlacedEntry[],
  store: LayerStore,
  tail: Range | undefined,
) => Promise<Closing>

/** Ends a tar that has no table of contents in it. */
export async function addEndOfTar(blob: BlobSoFar, store: LayerStore): Promise<void> {
  const start = await store.append(END_OF_TAR)
  const range = { start, end: start + END_OF_TAR.length }
  blob.add([range], await store.compressOne(new Uint8Array(END_OF_TAR)))
}

/** @returns a tar that holds the table of contents and ends there, and the digest of the JSON in it */
export function tarOfToc(json: Iterable<Buffer>): { tar: Uint8Array<ArrayBuffer>; digest: Digest } {
  const pieces = [...json]
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const header = plainFileHeader(TOC_NAME, size)
  const tar = new Uint8Array(header.length + size + paddingOf(size) + END_OF_TAR.length)
  tar.set(header)
  let at = header.length
  for (const piece of pieces) {
    tar.set(piece, at)
    at += piece.length
  }
  return { tar, digest: digestOf(tar.subarray(header.length, at)) }
}
