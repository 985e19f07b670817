/** Cuts a layer's blob into groups of gzip members, as its table of contents says where chunks begin. */
import { HeadstartError } from '../../../system/errors.ts'
import type { Chunk, EstargzEntry } from '../format/entry.ts'

/** Bytes of the blob that begin with a chunk's member, and are enough for it. */
export interface Group {
  readonly offset: number
  readonly end: number
  /** in its first member; more than one where small files share it */
  readonly chunks: readonly Chunk[]
}

/**
 * Groups for reading single chunks: each ends where its member does, at the latest.
 * @param chunks in the order of the table of contents: that of the blob, but for chunks in carriers, which share no member
 */
export function groupsOf(chunks: Iterable<Chunk>): Group[] {
  const groups: { readonly offset: number; end: number; readonly chunks: Chunk[] }[] = []
  for (const chunk of chunks) {
    const last = groups.at(-1)
    if (last?.offset === chunk.offset) {
      last.chunks.push(chunk)
      last.end = Math.max(last.end, chunk.end)
    } else groups.push({ offset: chunk.offset, end: chunk.end, chunks: [chunk] })
  }
  return groups
}

/** Of all chunks, copies ahead among them. */
export const groupsByOffset = (entries: readonly EstargzEntry[]): ReadonlyMap<number, Group> =>
  new Map(groupsOf(allChunks(entries)).map((group) => [group.offset, group]))

function* allChunks(entries: readonly EstargzEntry[]): Generator<Chunk> {
  const ahead = entries.flatMap((entry) => entry.ahead)
  yield* ahead.sort((a, b) => a.offset - b.offset)
  for (const { chunks } of entries) yield* chunks
}

/**
 * Groups for reading a layer whole: each ends where the next one begins, so the first member's may be followed by others without a chunk:
 * headers, carriers, and what a carrier has a copy of.
 * @param chunks all of the layer's, landmarks' too, but those in carriers
 * @param tocOffset where the data ends
 * @returns groups that cover `[0, tocOffset)`
 */
export function allGroups(chunks: Iterable<Chunk>, tocOffset: number): Group[] {
  const groups = groupsOf(chunks)
  const first = groups[0]?.offset ?? tocOffset
  const whole = groups.map((group, index) => ({ ...group, end: groups[index + 1]?.offset ?? tocOffset }))
  return first > 0 ? [{ offset: 0, end: first, chunks: [] }, ...whole] : whole
}

/** A group is held in memory whole. */
const MAX_GROUP_BYTES = 1 << 30

/**
 * Cuts a stream at the given ends; what is left comes as one more piece.
 * @throws HeadstartError E_ESTARGZ: a piece is too large for memory, or the stream is shorter than the last end
 */
export async function* cutAt(
  stream: AsyncIterable<Buffer> | Iterable<Buffer>,
  ends: readonly number[],
): AsyncGenerator<Buffer, void, undefined> {
  let pieces: Buffer[] = []
  let have = 0
  let at = 0
  let next = 0
  for await (const bytes of stream) {
    let rest = bytes
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
