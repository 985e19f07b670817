/** A layer with another table of contents, in a footer that points to it: what somebody could make who wants a reader to believe it. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { digestOf } from '../../../image/digest.ts'
import { encodeFooter, FOOTER_BYTES, parseFooter } from '../../../image/estargz/format/footer.ts'
import { encodeToc, parseToc, TOC_NAME, type TocEntry } from '../../../image/estargz/format/toc.ts'
import { unpackToc } from '../../../image/estargz/read/reader.ts'
import { END_OF_TAR, plainFileHeader } from '../../../image/tar/encode.ts'
import { paddingOf } from '../../../image/tar/entry.ts'
import type { Digest } from '../../../image/types.ts'

export interface Forged {
  readonly bytes: Buffer
  readonly tocDigest: Digest
  readonly diffId: Digest
  readonly tar: Buffer
}

const placeIn = (bytes: Buffer) =>
  parseFooter(bytes.subarray(-FOOTER_BYTES), bytes.length) ?? { tocOffset: 0, start: 0 }

export function tocOf(bytes: Buffer): TocEntry[] {
  const { tocOffset, start } = placeIn(bytes)
  return parseToc(unpackToc(bytes.subarray(tocOffset, start)))
}

/** Everything before the table of contents. */
export const dataOf = (bytes: Buffer): Buffer => bytes.subarray(0, placeIn(bytes).tocOffset)

/** @param data what stands before the table of contents */
export function forged(data: Buffer, toc: Iterable<TocEntry> | Buffer): Forged {
  const json = Buffer.isBuffer(toc) ? toc : Buffer.concat([...encodeToc(toc)])
  const header = plainFileHeader(TOC_NAME, json.length)
  const end = Buffer.concat([header, json, Buffer.alloc(paddingOf(json.length)), END_OF_TAR])
  const bytes = Buffer.concat([data, gzipSync(end), encodeFooter(data.length)])
  const tar = unpacked(bytes)
  return { bytes, tocDigest: digestOf(json), diffId: digestOf(tar), tar }
}

/** Of data that nobody can unpack there is no tar to lie about. */
function unpacked(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes)
  } catch {
    return Buffer.alloc(0)
  }
}
