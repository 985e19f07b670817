/** The table of contents' entries: metadata of the tar, and where each chunk ended up. Pure. */
import type { Digest } from '../../digest.ts'
import type { EntryFacts } from '../../tar/entry.ts'
import type { TocEntry } from '../format/toc.ts'

/** A chunk and its place in the blob. */
export interface WrittenChunk {
  /** of its member */
  readonly offset: number
  readonly innerOffset: number
  readonly fileOffset: number
  readonly size: number
  readonly digest: Digest
}

/** An entry, and one of type `chunk` for each chunk after the first. Fields that are 0 or empty are left out, as the format has it. */
export function tocEntriesOf(
  entry: EntryFacts,
  chunks: readonly WrittenChunk[],
  digest: Digest | undefined,
): TocEntry[] {
  const [first, ...more] = chunks
  const head: TocEntry = {
    name: entry.name,
    type: entry.type,
    size: entry.size || undefined,
    modtime: timeOf(entry.mtime),
    linkName: entry.linkName || undefined,
    mode: entry.mode || undefined,
    uid: entry.uid || undefined,
    gid: entry.gid || undefined,
    userName: entry.uname || undefined,
    groupName: entry.gname || undefined,
    ...(first && placeOf(first, entry)),
    devMajor: entry.devMajor || undefined,
    devMinor: entry.devMinor || undefined,
    xattrs: xattrsOf(entry.xattrs),
    digest,
  }
  return [
    head,
    ...more.map((chunk) => ({ name: entry.name, type: 'chunk' as const, ...placeOf(chunk, entry) })),
  ]
}

function placeOf(chunk: WrittenChunk, { size }: EntryFacts) {
  const isLast = chunk.fileOffset + chunk.size === size
  return {
    offset: chunk.offset || undefined,
    innerOffset: chunk.innerOffset || undefined,
    chunkOffset: chunk.fileOffset || undefined,
    chunkSize: isLast ? undefined : chunk.size,
    chunkDigest: chunk.digest,
  }
}

/**
 * Whole seconds, rounded down, as `stat` gives them for an unpacked file. (Rounding up would show Python a source newer than the
 * time in its compiled file, and have it compile again at every start.)
 */
function timeOf(mtime: number): string | undefined {
  const seconds = Math.floor(mtime)
  const date = new Date(seconds * 1000)
  const year = date.getUTCFullYear()
  if (seconds === 0 || !(year >= 0 && year <= 9999)) return undefined
  return `${date.toISOString().slice(0, 19)}Z`
}

function xattrsOf(xattrs: ReadonlyMap<string, Buffer>): Record<string, string> | undefined {
  if (xattrs.size === 0) return undefined
  return Object.fromEntries([...xattrs].map(([name, value]) => [name, value.toString('base64')]))
}
