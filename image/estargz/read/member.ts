/** One gzip member at a time, out of memory: where it ends, what it holds, never more than asked for. */
import { crc32, inflateRawSync } from 'node:zlib'
import { HeadstartError, messageOf } from '../../../system/errors.ts'

const FLAG_CRC = 2
const FLAG_EXTRA = 4
const FLAG_NAME = 8
const FLAG_COMMENT = 16
/** CRC and size */
const TRAILER_BYTES = 8

/**
 * Inflates the first member of `bytes` and ignores what follows it. The member's checksum is not looked at: whoever calls knows a sha256.
 *
 * @param expected about so many bytes come out; a hint
 * @param limit more than so many and it throws; memory taken stays below it
 * @returns its content, and how many of `bytes` it took, trailer included
 * @throws HeadstartError E_ESTARGZ
 */
export function inflateMember(
  bytes: Buffer,
  expected: number,
  limit: number,
): { content: Buffer; length: number } {
  const start = headerLength(bytes)
  const chunkSize = Math.min(Math.max(expected + 1, 1024), 8 << 20)
  let result: unknown
  try {
    result = inflateRawSync(bytes.subarray(start), {
      chunkSize,
      maxOutputLength: Math.max(limit, 1),
      info: true,
    })
  } catch (cause) {
    throw new HeadstartError('E_ESTARGZ', `a gzip member is damaged: ${messageOf(cause)}`, { cause })
  }
  const { content, consumed } = parseInfo(result)
  const length = start + consumed + TRAILER_BYTES
  if (length > bytes.length) throw new HeadstartError('E_ESTARGZ', 'a gzip member ends before its checksum')
  return { content, length }
}

/** For a member that is passed on: old clients check what `inflateMember` leaves aside. @throws HeadstartError E_ESTARGZ */
export function checkTrailer(bytes: Buffer, member: { content: Buffer; length: number }): void {
  const at = member.length - TRAILER_BYTES
  const isRight =
    bytes.readUInt32LE(at) === crc32(member.content) &&
    bytes.readUInt32LE(at + 4) === member.content.length >>> 0
  if (!isRight) throw new HeadstartError('E_ESTARGZ', 'a gzip member has a wrong checksum or size')
}

/** With `info`, zlib gives the engine too, which knows how much it took. */
function parseInfo(result: unknown): { content: Buffer; consumed: number } {
  if (typeof result === 'object' && result !== null && 'buffer' in result && 'engine' in result) {
    const { buffer, engine } = result
    if (Buffer.isBuffer(buffer) && typeof engine === 'object' && engine !== null && 'bytesWritten' in engine)
      return { content: buffer, consumed: Number(engine.bytesWritten) }
  }
  throw new Error('zlib gave no info')
}

/** RFC 1952, section 2.3. @throws HeadstartError E_ESTARGZ: no gzip header */
export function headerLength(bytes: Buffer): number {
  const flags = bytes[3] ?? 0
  if (bytes.length < 18 || bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8)
    throw new HeadstartError('E_ESTARGZ', 'no gzip member begins where the table of contents says')
  let at = 10
  if (flags & FLAG_EXTRA) at += 2 + bytes.readUInt16LE(at)
  if (flags & FLAG_NAME) at = bytes.indexOf(0, at) + 1 || bytes.length
  if (flags & FLAG_COMMENT) at = bytes.indexOf(0, at) + 1 || bytes.length
  if (flags & FLAG_CRC) at += 2
  return Math.min(at, bytes.length)
}
