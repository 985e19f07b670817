/**
 * A layer's gzip members: which chunks each one holds, and how its bytes become their content. Several small files may share a member. Pure,
 * but for zlib's own threads.
 */
import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'
import { checkBytes } from '../../image/digest.ts'
import { headerLength } from '../../image/estargz/read/member.ts'
import type { Chunk, EstargzEntry } from '../../image/estargz/read/reader.ts'
import { HeadstartError, messageOf } from '../../system/errors.ts'

export interface Member {
  /** compressed bytes in the blob: [offset, end) */
  readonly offset: number
  readonly end: number
  readonly chunks: Chunk[]
}

/** By offset, ascending. */
export function membersOf(entries: readonly EstargzEntry[]): Map<number, Member> {
  const members = new Map<number, Member>()
  for (const entry of entries) {
    for (const chunk of entry.chunks) {
      const member = members.get(chunk.offset)
      if (member) member.chunks.push(chunk)
      else members.set(chunk.offset, { offset: chunk.offset, end: chunk.end, chunks: [chunk] })
    }
  }
  return members
}

/** A run of members that one request fetches. */
export interface Run {
  readonly start: number
  readonly end: number
  readonly members: readonly Member[]
}

/**
 * @param members ascending
 * @param maxBytes a run ends before it grows larger, unless one member is
 */
export function mergeRuns(members: readonly Member[], maxBytes: number): Run[] {
  const runs: { start: number; end: number; members: Member[] }[] = []
  for (const member of members) {
    const last = runs.at(-1)
    if (last && last.end === member.offset && member.end - last.start <= maxBytes) {
      last.end = member.end
      last.members.push(member)
    } else runs.push({ start: member.offset, end: member.end, members: [member] })
  }
  return runs
}

/** What may follow the last chunk in its member: headers up to the next file with content. */
const MAX_TRAILING_BYTES = 64 << 20

const inflate = promisify<Buffer, { maxOutputLength: number; chunkSize: number }, Buffer>(inflateRaw)

/**
 * @param bytes of the member, from its offset on
 * @returns its content up to the end of its last chunk, each chunk checked
 * @throws HeadstartError E_ESTARGZ, E_DIGEST
 */
export async function decodeMember(bytes: Buffer, member: Member): Promise<Buffer> {
  const end = Math.max(...member.chunks.map((chunk) => chunk.innerOffset + chunk.size))
  const content = await inflateAtMost(bytes.subarray(headerLength(bytes)), end)
  for (const { innerOffset, size, digest, offset } of member.chunks) {
    if (digest === undefined)
      throw new HeadstartError('E_ESTARGZ', `the chunk at ${offset} has no digest, so it can't be checked`)
    checkBytes(content.subarray(innerOffset, innerOffset + size), { digest, size }, `the chunk at ${offset}`)
  }
  return content
}

async function inflateAtMost(deflated: Buffer, end: number): Promise<Buffer> {
  try {
    const limits = { maxOutputLength: end + MAX_TRAILING_BYTES, chunkSize: Math.min(end + 1024, 8 << 20) }
    return (await inflate(deflated, limits)).subarray(0, end)
  } catch (cause) {
    throw new HeadstartError('E_ESTARGZ', `a gzip member is damaged: ${messageOf(cause)}`, { cause })
  }
}
