/** A blob in memory as a stream. */
import { Readable } from 'node:stream'

/** @param pieceBytes how much comes at once; all of it unless told */
export function streamOf(bytes: Buffer, pieceBytes = Math.max(1, bytes.length)): Readable {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes))
  return Readable.from(pieces, { objectMode: false })
}
