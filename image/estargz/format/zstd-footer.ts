/**
 * What ends a zstd:chunked layer: skippable frames, which decoders of zstd pass over, and in the last of them where the table of contents is.
 * This footer is the one that the stargz snapshotter reads; containers/storage goes by the manifest's annotations.
 *
 * Source: stargz-snapshotter, estargz/zstdchunked; RFC 8878, section 3.1.2.
 */
import { HeadstartError } from '../../../system/errors.ts'
import type { Frame } from './formats.ts'

const SKIPPABLE = Buffer.from([0x50, 0x2a, 0x4d, 0x18])
export const SKIPPABLE_HEAD_BYTES = 8
/** offset, size, uncompressed size and type of the table of contents in 64 bits each, and the magic number */
const BODY_BYTES = 40
export const ZSTD_FOOTER_BYTES = SKIPPABLE_HEAD_BYTES + BODY_BYTES
const CRFS = 1n
const MAGIC = Buffer.from('GnUlInUx', 'latin1')

/** The head of a skippable frame with a body of this many bytes. */
export function skippableHead(size: number): Buffer {
  const head = Buffer.alloc(SKIPPABLE_HEAD_BYTES)
  SKIPPABLE.copy(head)
  head.writeUInt32LE(size, 4)
  return head
}

/** @param toc where the skippable frame's body begins in the blob */
export function encodeZstdFooter({ offset, size, content }: Frame): Buffer {
  const body = Buffer.alloc(BODY_BYTES)
  body.writeBigUInt64LE(BigInt(offset), 0)
  body.writeBigUInt64LE(BigInt(size), 8)
  body.writeBigUInt64LE(BigInt(content), 16)
  body.writeBigUInt64LE(CRFS, 24)
  MAGIC.copy(body, 32)
  return Buffer.concat([skippableHead(BODY_BYTES), body])
}

/**
 * @param tail the last bytes of the blob: at least `ZSTD_FOOTER_BYTES`, or all of it
 * @param size bytes of the blob
 * @returns where the table of contents is stored; undefined: not a zstd:chunked layer with this footer
 * @throws HeadstartError E_ESTARGZ: it is, but the table of contents lies outside of the blob
 */
export function parseZstdFooter(tail: Buffer, size: number): Frame | undefined {
  if (tail.length < ZSTD_FOOTER_BYTES) return undefined
  const footer = tail.subarray(tail.length - ZSTD_FOOTER_BYTES)
  const body = footer.subarray(SKIPPABLE_HEAD_BYTES)
  if (!footer.subarray(0, 4).equals(SKIPPABLE) || !body.subarray(32).equals(MAGIC)) return undefined
  if (body.readBigUInt64LE(24) !== CRFS) return undefined
  const numbers = [0, 8, 16].map((at) => Number(body.readBigUInt64LE(at)))
  const [offset = 0, length = 0, content = 0] = numbers
  if (offset < SKIPPABLE_HEAD_BYTES || length === 0 || offset + length > size - ZSTD_FOOTER_BYTES)
    throw new HeadstartError(
      'E_ESTARGZ',
      `the footer puts the table of contents at ${offset} of ${size} bytes, ${length} bytes long`,
    )
  return { offset, size: length, content }
}
