/**
 * The decoder: compressed bytes of a blob in, contents of its members out, each chunk checked against its digest. The verifier,
 * reordering and the lazy mount all read through it. Pure, but for zlib's own threads.
 */
import { HeadstartError } from '../../../system/errors.ts'
import { digestOf } from '../../digest.ts'
import { MAX_TRAILING_BYTES } from '../format/chunk-ends.ts'
import type { Chunk } from '../format/entry.ts'
import type { Group } from './groups.ts'
import { decodeMember, decodeMemberInBackground } from './member.ts'

/** Most members without a chunk hold less. */
const HEADERS_BYTES = 4096

export interface DecodedMember {
  readonly content: Buffer
  /** bytes it takes in the blob */
  readonly length: number
  /** those that begin in it, not checked yet */
  readonly chunks: readonly Chunk[]
}

export interface MemberBytes {
  /** whole members, one after the other */
  readonly bytes: Buffer
  /** where `bytes` begins in the blob */
  readonly offset: number
  /** those whose members are in `bytes` */
  readonly chunks: readonly Chunk[]
  /** content of all members together; more is an error */
  readonly limit: number
  /** content of a single one, where it is given; more is an error */
  readonly each?: number
}

/** @throws HeadstartError E_ESTARGZ: damage, or more content than `limit` or `each` */
export function* decodeMembers({
  bytes,
  offset,
  chunks,
  limit,
  each = limit,
}: MemberBytes): Generator<DecodedMember, void, undefined> {
  const chunksAt = Map.groupBy(chunks, (chunk) => chunk.offset)
  let left = limit
  for (let at = 0; at < bytes.length; ) {
    const here = chunksAt.get(offset + at) ?? []
    const size = { expected: endOf(here) || HEADERS_BYTES, limit: Math.min(left, each) }
    const member = decodeMember(bytes.subarray(at), size)
    yield { ...member, chunks: here }
    left -= member.content.length
    at += member.length
  }
}

/** A smaller member is decoded in less time than it takes to hand it over. */
const BACKGROUND_BYTES = 32 << 10
/** What other writers put behind a chunk: padding, and the next header. */
const BACKGROUND_TRAILING_BYTES = 64 << 10

/** Content of a group's first member that `startDecoding` may hold: what its memory is counted by. */
export const contentBound = (chunks: readonly Chunk[]): number => endOf(chunks) + BACKGROUND_TRAILING_BYTES

/**
 * As `decodeMembers`, of a group: decoding of a large first member starts at once, in the background; the rest follows when it is asked for.
 * @returns never rejects: errors come where the members are taken
 */
export async function startDecoding(group: MemberBytes): Promise<Iterable<DecodedMember>> {
  const { bytes, chunks } = group
  if (bytes.length < BACKGROUND_BYTES || chunks.length === 0) return decodeMembers(group)
  const size = { expected: endOf(chunks), limit: contentBound(chunks) }
  // One that is damaged or larger is decoded again in its turn, within the group's own limit.
  const first = await decodeMemberInBackground(bytes, size).catch(() => undefined)
  return first === undefined ? decodeMembers(group) : membersFrom({ ...first, chunks }, group)
}

function* membersFrom(
  first: DecodedMember,
  { bytes, offset, limit, each }: MemberBytes,
): Generator<DecodedMember, void, undefined> {
  yield first
  yield* decodeMembers({
    bytes: bytes.subarray(first.length),
    offset: offset + first.length,
    chunks: [],
    limit: limit - first.content.length,
    ...(each !== undefined && { each }),
  })
}

/**
 * Decodes the front of a group: the member that holds its chunks, or those of a chain.
 * @returns their content up to the end of the last chunk, each chunk checked; decoding runs in the background
 * @throws HeadstartError E_ESTARGZ, E_DIGEST
 */
export async function decodeChunks(bytes: Buffer, { chunks }: Pick<Group, 'chunks'>): Promise<Buffer> {
  const [end, limit] = [endOf(chunks), limitOf(chunks)]
  const inOrder = chunks.toSorted((a, b) => a.innerOffset - b.innerOffset)
  const parts: Buffer[] = []
  let have = 0
  for (let at = 0; have < end && at < bytes.length; ) {
    const size = { expected: nextEnd(inOrder, have) - have, limit: limit - have }
    const member = await decodeMemberInBackground(bytes.subarray(at), size)
    parts.push(member.content)
    have += member.content.length
    at += member.length
  }
  const [only] = parts
  const content = only && parts.length === 1 ? only : Buffer.concat(parts)
  for (const chunk of chunks) checkChunk(chunk, content)
  // Whoever keeps a part of a buffer keeps all of it.
  return content.length > 1.25 * end ? Buffer.from(content.subarray(0, end)) : content.subarray(0, end)
}

const endOf = (chunks: readonly Chunk[]): number =>
  chunks.reduce((end, { innerOffset, size }) => Math.max(end, innerOffset + size), 0)

/**
 * Where the member that begins with `have` bytes of the content before it probably ends. Between files of one member there are headers; of a chain, whose copies
 * follow each other, each is a member of its own.
 */
function nextEnd(inOrder: readonly Chunk[], have: number): number {
  const next = inOrder.findIndex(({ innerOffset, size }) => innerOffset + size > have)
  const [chunk, after] = inOrder.slice(next, next + 2)
  const end = chunk ? chunk.innerOffset + chunk.size : 0
  return after?.innerOffset === end ? end : endOf(inOrder)
}

/** Content that a group of these chunks may have. */
export const limitOf = (chunks: readonly Chunk[]): number => endOf(chunks) + MAX_TRAILING_BYTES

/** A chunk's part of its member's content; shorter than the chunk where the member is. */
export const partOf = (content: Buffer, { innerOffset, size }: Chunk): Buffer =>
  content.subarray(innerOffset, innerOffset + size)

/** @throws HeadstartError as `chunkFault` gives it */
export function checkChunk(chunk: Chunk, content: Buffer): void {
  const fault = chunkFault(chunk, partOf(content, chunk))
  if (fault) throw fault
}

/** @returns why these bytes are not the chunk's: E_DIGEST, or E_ESTARGZ if the chunk has no digest */
export function chunkFault({ offset, size, digest }: Chunk, bytes: Buffer): HeadstartError | undefined {
  const what = `the chunk at ${offset}`
  if (bytes.length !== size)
    return new HeadstartError('E_DIGEST', `${what} has ${bytes.length} of ${size} bytes`)
  if (digest === undefined)
    return new HeadstartError('E_ESTARGZ', `${what} has no digest, so it can't be checked`)
  const found = digestOf(bytes)
  if (found === digest) return undefined
  return new HeadstartError('E_DIGEST', `${what} has the digest ${found}, but its entry says ${digest}`, {
    hint: 'The content was changed or damaged in transit; fetch it again',
  })
}
