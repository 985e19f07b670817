/** Walks through a layer's blob once, member group by member group, as the table of contents says they begin. */
import type { Readable } from 'node:stream'
import { HeadstartError } from '../../../system/errors.ts'
import type { Chunk } from '../format/entries.ts'
import { checkTrailer, inflateMember } from './member.ts'

/** The blob's bytes from one chunk's offset to the next: its member and what follows. */
export interface Group {
  readonly offset: number
  readonly end: number
  /** that begin here; more than one where small files share a member */
  readonly chunks: readonly Chunk[]
}

/** @param tocOffset where the data ends. @returns groups that cover `[0, tocOffset)` */
export function groupsOf(chunks: Iterable<Chunk>, tocOffset: number): Group[] {
  const byOffset = new Map<number, Chunk[]>()
  for (const chunk of chunks) {
    const here = byOffset.get(chunk.offset)
    if (here) here.push(chunk)
    else byOffset.set(chunk.offset, [chunk])
  }
  const offsets = [...byOffset.keys()].sort((a, b) => a - b)
  if (offsets[0] !== 0 && tocOffset > 0) offsets.unshift(0)
  return offsets.map((offset, at) => ({
    offset,
    end: offsets[at + 1] ?? tocOffset,
    chunks: byOffset.get(offset) ?? [],
  }))
}

/** A group is held in memory. */
const MAX_GROUP_BYTES = 1 << 30

/**
 * Cuts a stream into pieces of given ends, and what is left.
 * @throws HeadstartError E_ESTARGZ: a piece is too large for memory, or the stream is shorter than the last end
 */
export async function* cutAt(
  stream: Readable,
  ends: readonly number[],
): AsyncGenerator<Buffer, void, undefined> {
  let pieces: Buffer[] = []
  let have = 0
  let at = 0
  let next = 0
  for await (const bytes of stream) {
    let rest: Buffer = bytes
    for (let end = ends[next]; end !== undefined && have + rest.length >= end - at; end = ends[next]) {
      const length = end - at - have
      pieces.push(rest.subarray(0, length))
      yield Buffer.concat(pieces)
      rest = rest.subarray(length)
      pieces = []
      have = 0
      at = end
      next++
    }
    if (rest.length === 0) continue
    pieces.push(rest)
    have += rest.length
    if (have > MAX_GROUP_BYTES)
      throw new HeadstartError('E_ESTARGZ', `no chunk begins within ${MAX_GROUP_BYTES} bytes of ${at}`)
  }
  if (next < ends.length) throw new HeadstartError('E_ESTARGZ', `the blob ends before ${ends.at(-1)}`)
  if (have > 0) yield Buffer.concat(pieces)
}

/** All members of a group. @returns their contents; the first holds the chunks */
export function inflateGroup(bytes: Buffer, chunks: readonly Chunk[], limit: number): Buffer[] {
  const wanted = chunks.reduce((end, chunk) => Math.max(end, chunk.innerOffset + chunk.size), 4096)
  const contents: Buffer[] = []
  let left = wanted + limit
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.subarray(at)
    const member = inflateMember(rest, contents.length === 0 ? wanted : 4096, left)
    checkTrailer(rest, member)
    contents.push(member.content)
    left -= member.content.length
    at += member.length
  }
  return contents
}
