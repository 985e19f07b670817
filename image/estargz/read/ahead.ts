/** Decodes a whole layer in its order: large members ahead, on zlib's threads, while the caller hashes those before them. */
import type { Readable } from 'node:stream'
import { contentBound, type DecodedMember, limitOf, startDecoding } from './decode.ts'
import { cutAt, type Group } from './groups.ts'

/** Bytes of groups, compressed and not, that wait for the caller. */
const AHEAD_BYTES = 12 << 20

export interface DecodedGroup {
  /** undefined: what follows the last one, which is not decoded */
  readonly group: Group | undefined
  readonly bytes: Buffer
  /** Damage shows when they are taken. */
  readonly members: Iterable<DecodedMember>
}

/**
 * @param groups that cover the stream from its beginning
 * @throws HeadstartError as `cutAt`, or the stream's error: all groups that came before it have been given
 */
export async function* decodeAhead(
  stream: Readable,
  groups: readonly Group[],
): AsyncGenerator<DecodedGroup, void, undefined> {
  const ahead: { readonly size: number; readonly decoded: Promise<DecodedGroup> }[] = []
  let size = 0
  let index = 0
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const bytes of cutAt(
      stream,
      groups.map(({ end }) => end),
    )) {
      const group = groups[index++]
      const next = { size: bytes.length + contentBound(group?.chunks ?? []), decoded: decode(group, bytes) }
      ahead.push(next)
      size += next.size
      for (let first = ahead[0]; first && size > AHEAD_BYTES; first = ahead[0]) {
        ahead.shift()
        yield await first.decoded
        size -= first.size
      }
    }
  } catch (error) {
    failure = { error }
  }
  for (const { decoded } of ahead) yield await decoded
  if (failure) throw failure.error
}

async function decode(group: Group | undefined, bytes: Buffer): Promise<DecodedGroup> {
  if (group === undefined) return { group, bytes, members: [] }
  const { offset, chunks } = group
  // A million empty files have no chunk among them: their headers are as much as they are, but no member is.
  const limits = { limit: Number.POSITIVE_INFINITY, each: limitOf(chunks) }
  return { group, bytes, members: await startDecoding({ bytes, offset, chunks, ...limits }) }
}
