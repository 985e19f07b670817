/** One zstd frame at a time, from bytes in memory: where it ends and what it holds, never more than was asked for. */
import { promisify } from 'node:util'
import { constants, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { parseBlockHead, parseFrameHead } from '../../compression/zstd-frames.ts'
import type { InflatedMember, InflateSize } from './gzip-member.ts'

/** As `inflateMember`; a skippable frame holds nothing. */
export function decodeFrame(bytes: Buffer, size: InflateSize): InflatedMember {
  try {
    const { length, isSkippable } = frameLength(bytes)
    if (isSkippable) return { content: Buffer.alloc(0), length }
    return { content: zstdDecompressSync(bytes.subarray(0, length), optionsOf(size)), length }
  } catch (cause) {
    throw damaged(cause)
  }
}

const inBackground = promisify<Buffer, ReturnType<typeof optionsOf>, Buffer>(zstdDecompress)

/** As `decodeFrame`, on zlib's own threads. */
export async function decodeFrameInBackground(bytes: Buffer, size: InflateSize): Promise<InflatedMember> {
  try {
    const { length, isSkippable } = frameLength(bytes)
    if (isSkippable) return { content: Buffer.alloc(0), length }
    return { content: await inBackground(bytes.subarray(0, length), optionsOf(size)), length }
  } catch (cause) {
    throw damaged(cause)
  }
}

/** 8 MiB, what every decoder takes. A chunk needs no more. */
const WINDOW_LOG = 23

const optionsOf = ({ expected, limit }: InflateSize) => ({
  chunkSize: Math.min(expected + 1024, 8 << 20),
  maxOutputLength: Math.max(limit, 1),
  params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
})

/** @throws HeadstartError E_COMPRESSION, E_ESTARGZ: not a whole frame */
function frameLength(bytes: Buffer): { length: number; isSkippable: boolean } {
  const head = parseFrameHead(bytes)
  if (head.kind === 'skippable') return { length: within(head.length + head.body, bytes), isSkippable: true }
  if (head.kind !== 'frame') throw cutOff()
  for (let at = head.length; ; ) {
    const block = parseBlockHead(bytes.subarray(at))
    if (block.kind !== 'block') throw cutOff()
    at += block.length + block.body
    if (block.isLast) return { length: within(at + head.checksum, bytes), isSkippable: false }
    within(at, bytes)
  }
}

function within(length: number, { length: have }: Buffer): number {
  if (length > have) throw cutOff()
  return length
}

const cutOff = (): HeadstartError =>
  new HeadstartError('E_ESTARGZ', 'a zstd frame ends before its last block')

const damaged = (cause: unknown): HeadstartError =>
  cause instanceof HeadstartError && cause.code === 'E_ESTARGZ'
    ? cause
    : new HeadstartError('E_ESTARGZ', `a zstd frame is damaged: ${messageOf(cause)}`, { cause })
