/** Reads a stream into memory, never more of it than a limit. */
import type { Readable } from 'node:stream'
import { HeadstartError } from '../errors.ts'

/**
 * Reads a small document whole.
 * @param limit bytes; memory taken is bounded by it
 * @throws HeadstartError E_TOO_LARGE
 */
export async function readBounded(stream: Readable, limit: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > limit) {
      stream.destroy()
      throw new HeadstartError('E_TOO_LARGE', `${what} is larger than ${limit} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
