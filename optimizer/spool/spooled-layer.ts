/** A layer in progress: unpacked into a spool, its members compressed as far as they could be known in advance. */
import { createHash } from 'node:crypto'
import type { PlacedEntry } from '../../image/estargz/write/layer.ts'
import type { Range } from '../../image/estargz/write/members.ts'
import { paddingOf, type TarEntry } from '../../image/tar/entry.ts'
import type { Digest } from '../../image/types.ts'
import type { MemberCache } from '../compress/cache.ts'
import type { AppendFile } from './append-file.ts'

/** An entry and where it lies in the spool. What is in the spool, or in the cache, is not kept in memory. For its digest see `digestOfFile`. */
export type SpooledEntry = PlacedEntry

/** What a layer is spooled into; the caller owns and removes them. */
export interface LayerFiles {
  /** its uncompressed tar */
  readonly spool: AppendFile
  /** its compressed members */
  readonly members: AppendFile
}

export interface SpooledLayer {
  /** in the order of the source; its landmarks and table of contents are not among them */
  readonly entries: readonly SpooledEntry[]
  /** those landmarks, and other entries with their names: links may lead to them */
  readonly own: readonly SpooledEntry[]
  /** files left out because the format reserves their names, a line each, for people */
  readonly notes: readonly string[]
  readonly cache: MemberCache
  /** path of the uncompressed tar; of the compressed members */
  readonly spool: string
  readonly members: string
  /** of a tar that is to stay byte for byte: see `LayerOrder` */
  readonly tail?: Range | undefined
}

const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map()

/** @param start where its headers begin in the spool */
export function spooledEntry(entry: TarEntry, start: number, headerBytes: number): SpooledEntry {
  const { header: _, pax: __, standsAlone: ___, ...kept } = entry
  const content = start + headerBytes
  return {
    ...kept,
    xattrs: kept.xattrs.size === 0 ? NO_XATTRS : kept.xattrs,
    start,
    content,
    end: content + kept.size + paddingOf(kept.size),
    digest: undefined,
  }
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
