/** A layer on its way: unpacked into a spool, its members compressed as far as could be known. */
import { createHash } from 'node:crypto'
import type { Place } from '../../image/estargz/write/members.ts'
import type { EntryFacts } from '../../image/tar/entry.ts'
import type { Digest } from '../../image/types.ts'
import type { MemberCache } from '../compress/cache.ts'

/** An entry and where it lies in the spool. What is in the spool, or in the cache, is not kept in memory. */
export interface SpooledEntry extends EntryFacts, Place {
  /** sha256 of the content of a file of several chunks; of one chunk it is the chunk's, see `digestOfFile` */
  digest: Digest | undefined
}

export interface SpooledLayer {
  /** in the order of the source; its landmarks and table of contents are not among them */
  readonly entries: readonly SpooledEntry[]
  /** those landmarks, and whatever else had their names: links may mean it */
  readonly own: readonly SpooledEntry[]
  /** what was in the way of the format's own files, a line each, for people */
  readonly notes: readonly string[]
  readonly landmarks: { readonly prefetch: SpooledEntry; readonly noPrefetch: SpooledEntry }
  readonly cache: MemberCache
  /** path of the uncompressed tar; of the compressed members */
  readonly spool: string
  readonly members: string
}

const EMPTY_DIGEST: Digest = `sha256:${createHash('sha256').digest('hex')}`

/** sha256 of a regular file's content; undefined for others. Known once the layer was read. */
export function digestOfFile(
  layer: SpooledLayer,
  { type, size, content, digest }: SpooledEntry,
): Digest | undefined {
  if (type !== 'reg' || digest !== undefined) return digest
  if (size === 0) return EMPTY_DIGEST
  return layer.cache.get([{ start: content, end: content + size }])?.digests[0]
}

export function setDigest(entry: SpooledEntry, digest: Digest): void {
  entry.digest = digest
}
