/** One member at a time, a gzip member or a zstd frame: its first bytes say which. */
import { isZstd } from '../../compression/zstd-frames.ts'
import {
  type InflatedMember,
  type InflateSize,
  inflateMember,
  inflateMemberInBackground,
} from './gzip-member.ts'
import { decodeFrame, decodeFrameInBackground } from './zstd-frame.ts'

/**
 * Decodes the first member of `bytes` and ignores what follows it.
 * @throws HeadstartError E_ESTARGZ: no member, a damaged one, or one that is too large
 */
export function decodeMember(bytes: Buffer, size: InflateSize): InflatedMember {
  return isZstd(bytes) ? decodeFrame(bytes, size) : inflateMember(bytes, size)
}

/** As `decodeMember`, on zlib's own threads. */
export async function decodeMemberInBackground(bytes: Buffer, size: InflateSize): Promise<InflatedMember> {
  return isZstd(bytes) ? decodeFrameInBackground(bytes, size) : inflateMemberInBackground(bytes, size)
}
