/**
 * The footer that tells where the table of contents is: an empty gzip member whose extra field carries the TOC's offset.
 * Source: eStargz specification, "Footer".
 */
import { HeadstartError } from '../../../system/errors.ts'

/**
 * 10 gzip header + 2 extra length + 2 `SG` + 2 subfield length + 16 hex digits + 6 `STARGZ` + 5 empty stored block
 * + 8 checksum and size
 */
export const FOOTER_BYTES = 51
/** stargz, before eStargz: no `SG` and no subfield length. */
const LEGACY_FOOTER_BYTES = 47

const HEAD = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, 0x53, 0x47, 22, 0])
const LEGACY_HEAD = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 22, 0])
const TAIL = Buffer.from([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0])
const MAGIC = 'STARGZ'
/** The table of contents is in a separate image: as above, with nothing but this in the subfield. Source: specification, "external TOC". */
const EXTERNAL_MAGIC = 'STARGZEXTERNALTOC'
const EXTERNAL_HEAD = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 21, 0, 0x53, 0x47, 17, 0])
export const EXTERNAL_FOOTER = Buffer.concat([EXTERNAL_HEAD, Buffer.from(EXTERNAL_MAGIC, 'latin1'), TAIL])

export function encodeFooter(tocOffset: number): Buffer {
  return Buffer.concat([HEAD, Buffer.from(tocOffset.toString(16).padStart(16, '0') + MAGIC, 'latin1'), TAIL])
}

export interface Footer {
  readonly tocOffset: number
  /** where the TOC's member ends and the footer begins */
  readonly start: number
}

/**
 * @param tail the last bytes of the blob: at least `FOOTER_BYTES`, or all of it
 * @param size bytes of the blob
 * @returns undefined: the blob is not eStargz
 * @throws HeadstartError E_ESTARGZ: it is, but the offset lies outside the blob
 */
export function parseFooter(tail: Buffer, size: number): Footer | undefined {
  return read(tail, size, FOOTER_BYTES, HEAD) ?? read(tail, size, LEGACY_FOOTER_BYTES, LEGACY_HEAD)
}

function read(tail: Buffer, size: number, length: number, head: Buffer): Footer | undefined {
  const footer = tail.subarray(Math.max(0, tail.length - length))
  if (footer.length < length || size < length || !hasHead(footer, head)) return undefined
  const digits = footer.toString('latin1', head.length, head.length + 16)
  const magic = footer.toString('latin1', head.length + 16, length - TAIL.length)
  if (magic !== MAGIC || !footer.subarray(length - TAIL.length).equals(TAIL)) return undefined
  const tocOffset = /^[0-9a-f]{16}$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN
  const start = size - length
  if (!(tocOffset > 0 && tocOffset < start))
    throw new HeadstartError(
      'E_ESTARGZ',
      `the footer puts the table of contents at ${digits} of ${size} bytes`,
    )
  return { tocOffset, start }
}

/** Bytes 4 to 9 (time, flags, system) are up to the writer; the rest is fixed. */
const hasHead = (footer: Buffer, head: Buffer): boolean =>
  footer.subarray(0, 4).equals(head.subarray(0, 4)) &&
  footer.subarray(10, head.length).equals(head.subarray(10))

/** @param tail as `parseFooter`. @returns true: the layer's table of contents is in a separate image */
export function isExternalFooter(tail: Buffer): boolean {
  const footer = tail.subarray(Math.max(0, tail.length - EXTERNAL_FOOTER.length))
  return (
    footer.length === EXTERNAL_FOOTER.length &&
    hasHead(footer, EXTERNAL_HEAD) &&
    footer.subarray(EXTERNAL_HEAD.length).equals(EXTERNAL_FOOTER.subarray(EXTERNAL_HEAD.length))
  )
}
