/** The job that unpacks members of a layer that is eStargz already, and checks its chunks on the way. */
import { checkBytes } from '../../image/digest.ts'
import type { Chunk } from '../../image/estargz/format/entries.ts'
import { checkTrailer, inflateMember } from '../../image/estargz/read/member.ts'

export interface InflateJob {
  readonly kind: 'inflate'
  /** whole members, one behind the other, in the first `length` bytes */
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
  const source = Buffer.from(bytes, 0, stored)
  const chunksAt = Map.groupBy(chunks, (chunk) => chunk.offset)
  const contents: Buffer[] = []
  const members: [number, number][] = []
  let size = 0
  for (let at = 0; at < source.length; ) {
    const here = chunksAt.get(offset + at) ?? []
    const expected = here.reduce((end, chunk) => Math.max(end, chunk.innerOffset + chunk.size), 4096)
    const rest = source.subarray(at)
    const member = inflateMember(rest, expected, limit - size)
    checkTrailer(rest, member)
    const { content, length } = member
    for (const chunk of here) check(content, chunk)
    contents.push(content)
    members.push([length, content.length])
    size += content.length
    at += length
  }
  const output = new Uint8Array(size)
  contents.reduce((at, content) => {
    output.set(content, at)
    return at + content.length
  }, 0)
  return { kind: 'inflate', spent: bytes, output, members }
}

function check(content: Buffer, chunk: Chunk): void {
  if (chunk.digest === undefined) return
  const part = content.subarray(chunk.innerOffset, chunk.innerOffset + chunk.size)
  checkBytes(part, { digest: chunk.digest, size: chunk.size }, `the chunk at ${chunk.offset}`)
}
