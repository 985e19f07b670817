/** Cuts a layer's blob into groups of gzip members, as its table of contents says where chunks begin. */
import type { Readable } from 'node:stream'
import { HeadstartError } from '../../../system/errors.ts'
import type { Chunk } from '../format/entries.ts'

/** The blob's bytes from one chunk's offset to the next: the gzip member that holds the chunk, and the members without one that follow. */
export interface Group {
  readonly offset: number
  readonly end: number
  /** in its first member; more than one where small files share it */
  readonly chunks: readonly Chunk[]
}

/** @param chunks in the order of the table of contents: that of the blob, but for chunks in carriers, which share no member */
export function groupsOf(chunks: Iterable<Chunk>): Group[] {
  const groups: (Group & { readonly chunks: Chunk[] })[] = []
  for (const chunk of chunks) {
    const last = groups.at(-1)
    if (last?.offset === chunk.offset) last.chunks.push(chunk)
    else groups.push({ offset: chunk.offset, end: chunk.end, chunks: [chunk] })
  }
  return groups
}

/**
 * Like `groupsOf`, with groups for what no chunk begins: headers, carriers, and what a carrier has a copy of.
 * @param chunks all of the layer's, landmarks' too, but those in carriers
 * @param tocOffset where the data ends
 * @returns groups that cover `[0, tocOffset)`
 */
export function allGroups(chunks: Iterable<Chunk>, tocOffset: number): Group[] {
  const groups: Group[] = []
  let at = 0
  const gapUntil = (offset: number) => {
    if (offset > at) groups.push({ offset: at, end: offset, chunks: [] })
  }
  for (const group of groupsOf(chunks)) {
    gapUntil(group.offset)
    groups.push(group)
    at = group.end
  }
  gapUntil(tocOffset)
  return groups
}

/** A group is held in memory whole. */
const MAX_GROUP_BYTES = 1 << 30

/**
 * Cuts a stream at the given ends; what is left comes as one more piece.
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
