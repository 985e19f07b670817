/** One gzip member at a time, from bytes in memory: where it ends and what it holds, checksum checked, and never more than was asked for. */
import { promisify } from 'node:util'
import { crc32, inflateRaw, inflateRawSync } from 'node:zlib'
import { HeadstartError, messageOf } from '../../../system/errors.ts'

const FLAG_CRC = 2
const FLAG_EXTRA = 4
const FLAG_NAME = 8
const FLAG_COMMENT = 16
/** CRC and size */
const TRAILER_BYTES = 8

export interface InflatedMember {
  readonly content: Buffer
  /** bytes it takes, header and trailer included */
  readonly length: number
}

export interface InflateSize {
  /** about this many bytes come out: a hint */
  readonly expected: number
  /** more than this is an error; memory taken stays below it */
  readonly limit: number
}

/**
 * Inflates the first member of `bytes` and ignores what follows it.
 * @throws HeadstartError E_ESTARGZ: not a gzip member, a damaged one, or one that is too large
 */
export function inflateMember(bytes: Buffer, size: InflateSize): InflatedMember {
  const start = headerLength(bytes)
  try {
    return inflated(bytes, start, inflateRawSync(bytes.subarray(start), optionsOf(size)))
  } catch (cause) {
    throw damaged(cause)
  }
}

const inflateInBackground = promisify<Buffer, ReturnType<typeof optionsOf>, unknown>(inflateRaw)

/** As `inflateMember`, on zlib's own threads. */
export async function inflateMemberInBackground(bytes: Buffer, size: InflateSize): Promise<InflatedMember> {
  const start = headerLength(bytes)
  try {
    return inflated(bytes, start, await inflateInBackground(bytes.subarray(start), optionsOf(size)))
  } catch (cause) {
    throw damaged(cause)
  }
}

const optionsOf = ({ expected, limit }: InflateSize) => ({
  chunkSize: Math.min(expected + 1024, 8 << 20), // headers may follow a chunk
  maxOutputLength: Math.max(limit, 1),
  info: true,
})

function inflated(bytes: Buffer, start: number, result: unknown): InflatedMember {
  const { content, consumed } = parseInfo(result)
  const trailer = start + consumed
  const length = trailer + TRAILER_BYTES
  if (length > bytes.length) throw new HeadstartError('E_ESTARGZ', 'a gzip member ends before its checksum')
  const isRight =
    bytes.readUInt32LE(trailer) === crc32(content) && bytes.readUInt32LE(trailer + 4) === content.length >>> 0
  if (!isRight) throw new HeadstartError('E_ESTARGZ', 'a gzip member has a wrong checksum or size')
  return { content, length }
}

const damaged = (cause: unknown): HeadstartError =>
  cause instanceof HeadstartError
    ? cause
    : new HeadstartError('E_ESTARGZ', `a gzip member is damaged: ${messageOf(cause)}`, { cause })

/** With `info`, zlib also gives its engine, which knows how much it took. */
function parseInfo(result: unknown): { content: Buffer; consumed: number } {
  if (typeof result === 'object' && result !== null && 'buffer' in result && 'engine' in result) {
    const { buffer, engine } = result
    if (Buffer.isBuffer(buffer) && typeof engine === 'object' && engine !== null && 'bytesWritten' in engine)
      return { content: buffer, consumed: Number(engine.bytesWritten) }
  }
  throw new Error('zlib gave no info')
}

/** RFC 1952, section 2.3. @throws HeadstartError E_ESTARGZ: no gzip header */
function headerLength(bytes: Buffer): number {
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
