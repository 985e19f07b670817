/**
 * A carrier: an empty gzip member that holds another, whole, in its header's extra field. Whoever unpacks the layer skips it; a lazy reader is led
 * by the table of contents to the member inside. So bytes of a file lie ahead of the landmark, and the tar has them only once.
 *
 * Source: RFC 1952, section 2.3.1.1 (extra field: subfields of two letters and a length of 16 bits).
 */

/** Fixed header, length of the extra field, and the subfield's head: the member inside begins here. */
export const CARRIER_HEAD_BYTES = 16
/** The extra field has at most 65,535 bytes, the subfield's head among them. */
export const MAX_CARRIED_BYTES = 0xffff - 4

const FLAG_EXTRA = 4
const UNKNOWN_SYSTEM = 255
/** An empty block, and the checksum and size of nothing. */
export const CARRIER_TAIL = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
const FIXED = Buffer.from([0x1f, 0x8b, 8, FLAG_EXTRA, 0, 0, 0, 0, 0, UNKNOWN_SYSTEM])
const SUBFIELD = 'HS'

/** What stands before the member of so many bytes; `CARRIER_TAIL` follows it. */
export function carrierHead(memberBytes: number): Buffer {
  if (memberBytes > MAX_CARRIED_BYTES) throw new Error(`a carrier can't hold ${memberBytes} bytes`)
  const head = Buffer.alloc(CARRIER_HEAD_BYTES)
  FIXED.copy(head)
  head.writeUInt16LE(memberBytes + 4, 10)
  head.write(SUBFIELD, 12, 'latin1')
  head.writeUInt16LE(memberBytes, 14)
  return head
}

/** Half-open bytes of what was searched. */
export interface Carried {
  readonly start: number
  readonly end: number
  /** of the carrier */
  readonly next: number
}

/** @returns where the member inside lies; undefined: what begins at `at` is not a carrier */
export function carriedAt(bytes: Buffer, at: number): Carried | undefined {
  if (bytes.length < at + CARRIER_HEAD_BYTES) return undefined
  const size = bytes.readUInt16LE(at + 14)
  const [start, end] = [at + CARRIER_HEAD_BYTES, at + CARRIER_HEAD_BYTES + size]
  const next = end + CARRIER_TAIL.length
  const isCarrier =
    bytes.compare(FIXED, 0, FIXED.length, at, at + FIXED.length) === 0 &&
    bytes.readUInt16LE(at + 10) === size + 4 &&
    bytes.toString('latin1', at + 12, at + 14) === SUBFIELD &&
    bytes.length >= next &&
    bytes.compare(CARRIER_TAIL, 0, CARRIER_TAIL.length, end, next) === 0
  return isCarrier ? { start, end, next } : undefined
}
