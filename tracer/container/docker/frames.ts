/**
 * The output of a container without a terminal, as the Docker engine sends it: frames of one stream each, with a header of eight bytes. Pure.
 *
 * Source: Docker's API, "Attach to a container", stream format.
 */
import type { Piece } from '../output.ts'
import type { OutputStream } from '../types.ts'

const HEADER_BYTES = 8
const STREAMS: Readonly<Record<number, OutputStream>> = { 0: 'stdout', 1: 'stdout', 2: 'stderr' }

/**
 * @returns a function from what has arrived to the pieces in it, in order; a frame need not be complete
 * Throws where something else than a frame begins.
 */
export function createSplitter(): (chunk: Buffer) => Piece[] {
  let header = Buffer.alloc(0)
  /** of the frame that is being read */
  let stream: OutputStream = 'stdout'
  let left = 0
  return (chunk) => {
    const pieces: Piece[] = []
    for (let at = 0; at < chunk.length; ) {
      if (left === 0) {
        const more = chunk.subarray(at, at + HEADER_BYTES - header.length)
        header = Buffer.concat([header, more])
        at += more.length
        if (header.length < HEADER_BYTES) break
        stream = streamOf(header)
        left = header.readUInt32BE(4)
        header = Buffer.alloc(0)
        continue
      }
      const bytes = chunk.subarray(at, at + left)
      pieces.push({ stream, bytes })
      at += bytes.length
      left -= bytes.length
    }
    return pieces
  }
}

function streamOf(header: Buffer): OutputStream {
  const stream = STREAMS[header[0] ?? -1]
  if (stream === undefined || header.readUIntBE(1, 3) !== 0)
    throw new Error('the Docker engine sent something else than frames of output')
  return stream
}
