/** The chains of carriers at the top of a blob against the copies that the table of contents says are in them. Pure. */
import { messageOf } from '../../../system/errors.ts'
import { digestOf } from '../../digest.ts'
import { ANCHOR_CONTENT, type Chain, contentBytesOf } from '../format/ahead.ts'
import { CARRIER_HEAD_BYTES, CARRIER_TAIL_BYTES, carriedAt, chainAt } from '../format/carrier.ts'
import { decodeMembers } from '../read/decode.ts'

export interface ChainFault {
  readonly message: string
  /** of the file, as the table of contents has it */
  readonly name?: string | undefined
}

/** @param bytes the blob's first, in which all chains lie */
export function* chainFaults(bytes: Buffer, chains: readonly Chain[]): Generator<ChainFault> {
  let at = 0
  for (const chain of chains) {
    const end = chain.offset === at + CARRIER_HEAD_BYTES ? chainAt(bytes, at)?.end : undefined
    if (end === undefined) return yield { message: `no chain of carriers begins at ${chain.offset}` }
    yield* contentFaults(bytes.subarray(chain.offset, end - CARRIER_TAIL_BYTES), chain)
    at = end
  }
  if (carriedAt(bytes, at)) yield { message: `the carrier at ${at} is not in the table of contents` }
}

/** @param inside the chain from its first member to the end of its last */
function* contentFaults(inside: Buffer, chain: Chain): Generator<ChainFault> {
  const { offset, copies } = chain
  const limit = contentBytesOf(chain)
  let content: Buffer
  try {
    const members = [...decodeMembers({ bytes: inside, offset, chunks: [], limit })]
    content = Buffer.concat(members.map((member) => member.content))
  } catch (error) {
    return yield { message: `the chain at ${offset}: ${messageOf(error)}` }
  }
  if (content.length !== limit)
    return yield { message: `the chain at ${offset} holds ${content.length} of ${limit} bytes` }
  const [first, last] = [content.subarray(0, ANCHOR_CONTENT.length), content.subarray(-ANCHOR_CONTENT.length)]
  if (!first.equals(ANCHOR_CONTENT) || !last.equals(ANCHOR_CONTENT))
    return yield { message: `the chain at ${offset} lacks its anchor` }
  for (const { name, fileOffset, size, digest, innerOffset } of copies) {
    const found = digestOf(content.subarray(innerOffset, innerOffset + size))
    if (found !== digest)
      yield {
        name,
        message: `the copy of its byte ${fileOffset} has the digest ${found}, but its chunk says ${digest}`,
      }
  }
}
