/** The chains of carriers at the top of a blob against the copies that the table of contents says are in them. Pure. */
import { messageOf } from '../../../system/errors.ts'
import { digestOf } from '../../digest.ts'
import { ANCHOR_CONTENT, type Chain, contentOf } from '../format/ahead.ts'
import { CARRIER_HEAD_BYTES, CARRIER_TAIL_BYTES, carriedAt, chainAt } from '../format/carrier.ts'
import { decodeMembers } from '../read/decode.ts'

export interface ChainFault {
  readonly message: string
  /** of the file, as the table of contents has it */
  readonly name?: string | undefined
}

/** @param bytes the blob's first, in which all chains lie */
export function chainFaults(bytes: Buffer, chains: readonly Chain[]): ChainFault[] {
  const faults: ChainFault[] = []
  let at = 0
  for (const chain of chains) {
    const end = chain.offset === at + CARRIER_HEAD_BYTES ? chainAt(bytes, at)?.end : undefined
    if (end === undefined) return [...faults, { message: `no chain of carriers begins at ${chain.offset}` }]
    faults.push(...contentFaults(bytes.subarray(chain.offset, end - CARRIER_TAIL_BYTES), chain))
    at = end
  }
  if (carriedAt(bytes, at)) faults.push({ message: `the carrier at ${at} is not in the table of contents` })
  return faults
}

/** @param inside the chain from its first member to the end of its last */
function contentFaults(inside: Buffer, chain: Chain): ChainFault[] {
  const limit = contentOf(chain)
  try {
    const content = Buffer.concat(
      [...decodeMembers({ bytes: inside, offset: chain.offset, chunks: [], limit })].map(
        (member) => member.content,
      ),
    )
    if (content.length !== limit)
      return [{ message: `the chain at ${chain.offset} holds ${content.length} of ${limit} bytes` }]
    const [first, last] = [
      content.subarray(0, ANCHOR_CONTENT.length),
      content.subarray(-ANCHOR_CONTENT.length),
    ]
    if (!first.equals(ANCHOR_CONTENT) || !last.equals(ANCHOR_CONTENT))
      return [{ message: `the chain at ${chain.offset} lacks its anchor` }]
    return chain.copies.flatMap(({ name, fileOffset, size, digest, innerOffset }) => {
      const found = digestOf(content.subarray(innerOffset, innerOffset + size))
      if (found === digest) return []
      return [
        {
          name,
          message: `the copy of its byte ${fileOffset} has the digest ${found}, but its chunk says ${digest}`,
        },
      ]
    })
  } catch (error) {
    return [{ message: `the chain at ${chain.offset}: ${messageOf(error)}` }]
  }
}
