/** The carriers at the top of a blob against the chunks that the table of contents says are in them. Pure. */
import { messageOf } from '../../../system/errors.ts'
import { carriedAt } from '../format/carrier.ts'
import type { Chunk } from '../format/entries.ts'
import { chunkFault, partOf } from '../read/decode.ts'
import { decodeMember } from '../read/member.ts'

export interface CarrierFault {
  readonly message: string
  readonly chunk?: Chunk | undefined
}

/**
 * @param bytes the blob's first, in which all carriers lie
 * @param chunks all that stand ahead of their files
 */
export function carrierFaults(bytes: Buffer, chunks: readonly Chunk[]): CarrierFault[] {
  const faults: CarrierFault[] = []
  const left = new Map(chunks.map((chunk) => [chunk.offset, chunk]))
  for (let at = carriedAt(bytes, 0); at !== undefined; at = carriedAt(bytes, at.next)) {
    const chunk = left.get(at.start)
    left.delete(at.start)
    const message =
      chunk === undefined
        ? `the carrier at ${at.start} holds no chunk of the table of contents`
        : memberFault(chunk, bytes.subarray(at.start, at.end))
    if (message !== undefined) faults.push({ message, chunk })
  }
  for (const chunk of left.values())
    faults.push({
      message: `the chunk at ${chunk.offset} stands ahead of its file, but not in a carrier`,
      chunk,
    })
  return faults
}

function memberFault(chunk: Chunk, member: Buffer): string | undefined {
  try {
    const { content, length } = decodeMember(member, { expected: chunk.size, limit: chunk.size + 1 })
    if (length < member.length) return `bytes follow the chunk at ${chunk.offset} in its carrier`
    return chunkFault(chunk, partOf(content, chunk))?.message
  } catch (error) {
    return `the carrier at ${chunk.offset}: ${messageOf(error)}`
  }
}
