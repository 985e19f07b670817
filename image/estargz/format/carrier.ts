/**
 * A carrier: an empty gzip member that holds others, whole, in its header's extra field. Whoever unpacks the layer skips it; a lazy reader is led
 * by the table of contents to the members inside. So bytes of a file lie ahead of the landmark, and the tar has them only once.
 *
 * Carriers are joined into a chain: between the members of one and those of the next stands a link, an empty member whose own extra field
 * takes in the bytes that part them. Whoever begins to read inside the first reads one stream of members through all of them.
 *
 * Source: RFC 1952, section 2.3.1.1 (extra field: subfields of two letters and a length of 16 bits).
 */

/** Fixed header, length of the extra field, and the subfield's head: what is carried begins here. */
export const CARRIER_HEAD_BYTES = 16
const FLAG_EXTRA = 4
const UNKNOWN_SYSTEM = 255
/** An empty block, and the checksum and size of nothing. */
const TAIL = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
const FIXED = Buffer.from([0x1f, 0x8b, 8, FLAG_EXTRA, 0, 0, 0, 0, 0, UNKNOWN_SYSTEM])
const SUBFIELD = 'HS'
export const CARRIER_TAIL_BYTES = TAIL.length
/** What a link takes in: the end of one carrier and the beginning of the next. */
const LINKED_BYTES = TAIL.length + CARRIER_HEAD_BYTES
/** The extra field has 65,535 bytes at the most, the subfield's head and the parts of two links among them. */
export const MAX_CARRIED_BYTES = 0xffff - 4 - LINKED_BYTES

/** What stands before so many bytes, of a carrier or a link; `TAIL` follows them. */
function headOf(carried: number): Buffer {
  const head = Buffer.alloc(CARRIER_HEAD_BYTES)
  FIXED.copy(head)
  head.writeUInt16LE(carried + 4, 10)
  head.write(SUBFIELD, 12, 'latin1')
  head.writeUInt16LE(carried, 14)
  return head
}

/**
 * The bytes of a chain, with the members in their places. The first begins `CARRIER_HEAD_BYTES` into it.
 * @param members none larger than `MAX_CARRIED_BYTES`
 */
export function* chainOf<M extends { readonly size: number }>(members: readonly M[]): Generator<Buffer | M> {
  const carriers = packed(members)
  for (const [index, { size, members: carried }] of carriers.entries()) {
    const [isFirst, isLast] = [index === 0, index === carriers.length - 1]
    yield headOf(size + (isFirst ? 0 : TAIL.length) + (isLast ? 0 : CARRIER_HEAD_BYTES))
    if (!isFirst) yield TAIL // the link's
    yield* carried
    if (!isLast) yield headOf(LINKED_BYTES)
    yield TAIL
  }
}

/** As many members to a carrier as it can hold, in their order. */
function packed<M extends { readonly size: number }>(members: readonly M[]) {
  const carriers: { size: number; members: M[] }[] = []
  for (const member of members) {
    if (member.size > MAX_CARRIED_BYTES) throw new Error(`a carrier can't hold ${member.size} bytes`)
    const last = carriers.at(-1)
    if (last && last.size + member.size <= MAX_CARRIED_BYTES) {
      last.members.push(member)
      last.size += member.size
    } else carriers.push({ size: member.size, members: [member] })
  }
  return carriers
}

/** Half-open bytes of what was searched. */
export interface Carried {
  readonly start: number
  readonly end: number
  /** of the carrier */
  readonly next: number
}

/** @returns what the carrier that begins at `at` holds; undefined: none does */
export function carriedAt(bytes: Buffer, at: number): Carried | undefined {
  if (bytes.length < at + CARRIER_HEAD_BYTES) return undefined
  const size = bytes.readUInt16LE(at + 14)
  const [start, end] = [at + CARRIER_HEAD_BYTES, at + CARRIER_HEAD_BYTES + size]
  const next = end + TAIL.length
  const isCarrier =
    bytes.compare(FIXED, 0, FIXED.length, at, at + FIXED.length) === 0 &&
    bytes.readUInt16LE(at + 10) === size + 4 &&
    bytes.toString('latin1', at + 12, at + 14) === SUBFIELD &&
    bytes.length >= next &&
    bytes.compare(TAIL, 0, TAIL.length, end, next) === 0
  return isCarrier ? { start, end, next } : undefined
}

/** @returns whether the carriers from `at` on, one behind the other, are a chain, and where it ends; undefined: it is none */
export function chainAt(bytes: Buffer, at: number): { readonly end: number } | undefined {
  for (let carrier = carriedAt(bytes, at); carrier; carrier = carriedAt(bytes, carrier.next)) {
    const { start, end, next } = carrier
    const link = end - start >= CARRIER_HEAD_BYTES ? carriedAt(bytes, end - CARRIER_HEAD_BYTES) : undefined
    // A link ends where the next carrier's tail of it does.
    if (link?.start !== end || link.end !== end + LINKED_BYTES) return { end: next }
  }
  return undefined
}
