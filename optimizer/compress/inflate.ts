/** The job that decodes members of a layer that is already eStargz, and checks its chunks on the way. */
import type { Chunk } from '../../image/estargz/format/entry.ts'
import { checkChunk, decodeMembers } from '../../image/estargz/read/decode.ts'

export interface InflateJob {
  readonly kind: 'inflate'
  /** whole members, one after the other, in the first `length` bytes */
  readonly bytes: ArrayBuffer
  readonly length: number
  /** chunks whose members begin in `bytes`; offsets are the blob's */
  readonly chunks: readonly Chunk[]
  /** where `bytes` begins in the blob */
  readonly offset: number
  /** more output than this is an error */
  readonly limit: number
}

export interface InflateResult {
  readonly kind: 'inflate'
  /** the job's bytes, to be used again */
  readonly spent: ArrayBuffer
  readonly output: Uint8Array<ArrayBuffer>
  /** of each member: bytes it takes in the blob, bytes that come out */
  readonly members: readonly (readonly [stored: number, content: number])[]
}

/** @throws HeadstartError E_ESTARGZ, E_DIGEST */
export function inflate({ bytes, length: stored, chunks, offset, limit }: InflateJob): InflateResult {
  const contents: Buffer[] = []
  const members: [number, number][] = []
  for (const member of decodeMembers({ bytes: Buffer.from(bytes, 0, stored), offset, chunks, limit })) {
    // A layer without chunk digests is compressed again; its files are checked as those of a tar.
    for (const chunk of member.chunks) if (chunk.digest !== undefined) checkChunk(chunk, member.content)
    contents.push(member.content)
    members.push([member.length, member.content.length])
  }
  const output = new Uint8Array(contents.reduce((size, { length }) => size + length, 0))
  contents.reduce((at, content) => {
    output.set(content, at)
    return at + content.length
  }, 0)
  return { kind: 'inflate', spent: bytes, output, members }
}
