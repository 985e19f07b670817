/** From the TOC's JSON to entries with their chunks: everything that a reader relies on is checked here, once. */

import { finish, type Steps } from '../../../system/steps.ts'
import type { BytePath } from '../../../system/text/byte-path.ts'
import { type Digest, isDigest } from '../../digest.ts'
import { type Chain, chainsIn, isAnchorName } from './ahead.ts'
import { chunkEnds } from './chunk-ends.ts'
import { copiesOf, withCopies } from './copies.ts'
import type { Chunk, EstargzEntry } from './entry.ts'
import { checkedPath, fault } from './faults.ts'
import { NO_PREFETCH_LANDMARK, PREFETCH_LANDMARK, type TocEntry } from './toc.ts'

/** A chunk is held in memory. No writer makes larger ones. */
const MAX_CHUNK_BYTES = 1 << 30

export interface Contents {
  /** in blob order, landmarks not among them */
  readonly entries: readonly EstargzEntry[]
  /** how many of them are in the prioritized zone: before the prefetch landmark */
  readonly zoneEntries: number
  readonly landmark: 'prefetch' | 'no-prefetch' | 'absent'
  /** what stands ahead of all files */
  readonly chains: readonly Chain[]
  /** where the prioritized zone ends, at the prefetch landmark's content: the runtime fetches the bytes before it at once; 0 without one */
  readonly zoneEnd: number
}

/** Entries that are made at a time. */
const STEP = 256

/**
 * @param tocOffset where the data ends
 * @param keep.landmarks leaves them among the entries
 * @throws HeadstartError E_ESTARGZ: chunks with gaps or out of the blob, a path that leaves the layer, …
 */
export const contentsOf = (toc: readonly TocEntry[], tocOffset: number, keep?: Keep): Contents =>
  finish(contentsInSteps(toc, tocOffset, keep))

interface Keep {
  readonly landmarks: boolean
}

/** Of a table of contents of many thousand entries, which a start waits for. @throws as `contentsOf` does */
export function* contentsInSteps(
  toc: readonly TocEntry[],
  tocOffset: number,
  keep: Keep = { landmarks: false },
): Steps<Contents> {
  const { chains, entries: first } = chainsIn(toc)
  const { ends, start } = chunkEnds(toc, { from: first, tocOffset })
  const copies = copiesOf(chains, start)
  const names = { users: new Map<number, string>(), groups: new Map<number, string>() }
  const entries: EstargzEntry[] = []
  let landmark: Contents['landmark'] = 'absent'
  let zoneEnd = 0
  let zoneEntries = 0
  for (let at = first; at < toc.length; ) {
    const head = toc[at]
    if (head === undefined) break
    if (entries.length % STEP === 0) yield
    if (head.type === 'chunk') throw fault(head, 'a chunk without a file before it')
    let after = at + 1
    while (toc[after]?.type === 'chunk') after++
    const path = checkedPath(head, head.name)
    if (chains.length > 0 && isAnchorName(path)) throw fault(head, 'has the name of an anchor')
    if (path === PREFETCH_LANDMARK && landmark !== 'no-prefetch')
      [landmark, zoneEnd, zoneEntries] = ['prefetch', head.offset ?? 0, entries.length]
    if (path === NO_PREFETCH_LANDMARK) [landmark, zoneEnd, zoneEntries] = ['no-prefetch', 0, 0]
    const isLandmark = path === PREFETCH_LANDMARK || path === NO_PREFETCH_LANDMARK
    if (!isLandmark || keep.landmarks)
      entries.push(entryOf(head, path, chunksOf(toc, ends, { at, after }), names))
    at = after
  }
  return { entries: withCopies(entries, copies), chains, landmark, zoneEnd, zoneEntries }
}

/** @param group one file's entries, `[at, after)` */
function chunksOf(
  toc: readonly TocEntry[],
  ends: readonly number[],
  { at, after }: { readonly at: number; readonly after: number },
): Chunk[] {
  const file = toc[at]
  if (file === undefined || file.type !== 'reg' || (file.size ?? 0) === 0) {
    if (file !== undefined && after - at > 1) throw fault(file, 'has chunks, but no content')
    return []
  }
  const group = toc.slice(at, after)
  const total = file.size ?? 0
  let fileOffset = 0
  return group.map((entry, index) => {
    const size = entry.chunkSize || total - fileOffset
    if ((entry.chunkOffset ?? 0) !== fileOffset)
      throw fault(file, `chunk ${index} begins at ${entry.chunkOffset ?? 0}, not at ${fileOffset}`)
    if (size <= 0 || size > MAX_CHUNK_BYTES) throw fault(file, `chunk ${index} has ${size} bytes`)
    const innerOffset = entry.innerOffset ?? 0
    if (innerOffset > MAX_CHUNK_BYTES)
      throw fault(file, `chunk ${index} begins ${innerOffset} bytes into its member`)
    const chunk: Chunk = {
      offset: entry.offset ?? 0,
      end: ends[at + index] ?? 0,
      innerOffset,
      fileOffset,
      size,
      digest: checkedDigest(file, entry.chunkDigest || (after - at === 1 ? file.digest : undefined)),
    }
    fileOffset += size
    if (fileOffset > total || (index === group.length - 1 && fileOffset < total))
      throw fault(file, `its chunks hold ${fileOffset} bytes of ${total}`)
    return chunk
  })
}

function checkedDigest(entry: TocEntry, text: string | undefined): Digest | undefined {
  if (!text) return undefined
  if (isDigest(text)) return text
  throw fault(entry, `${JSON.stringify(text.slice(0, 80))} is not a sha256 digest`)
}

function entryOf(
  entry: TocEntry,
  path: BytePath,
  chunks: readonly Chunk[],
  names: { users: Map<number, string>; groups: Map<number, string> },
): EstargzEntry {
  if (entry.type === 'chunk') throw fault(entry, 'a chunk without a file before it')
  const uid = entry.uid ?? 0
  const gid = entry.gid ?? 0
  return {
    path,
    name: entry.name,
    type: entry.type,
    size: entry.type === 'reg' ? (entry.size ?? 0) : 0,
    mode: (entry.mode ?? 0) & 0o7777,
    uid,
    gid,
    uname: remembered(names.users, uid, entry.userName),
    gname: remembered(names.groups, gid, entry.groupName),
    mtime: secondsOf(entry.modtime),
    linkName: entry.linkName ?? '',
    linkPath: entry.type === 'hardlink' ? checkedPath(entry, entry.linkName ?? '') : undefined,
    devMajor: entry.devMajor ?? 0,
    devMinor: entry.devMinor ?? 0,
    xattrs: xattrsOf(entry),
    digest: checkedDigest(entry, entry.digest),
    chunks,
    ahead: [],
  }
}

const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map()

function xattrsOf(entry: TocEntry): ReadonlyMap<string, Buffer> {
  if (!entry.xattrs) return NO_XATTRS
  const xattrs = new Map<string, Buffer>()
  for (const [name, value] of Object.entries(entry.xattrs)) {
    // Among the names of a listing, which end with a NUL each, either would be no name.
    if (name === '') throw fault(entry, 'an extended attribute has no name')
    if (name.includes('\0')) throw fault(entry, "an extended attribute's name contains a NUL byte")
    xattrs.set(name, Buffer.from(value ?? '', 'base64'))
  }
  return xattrs
}

/** A name is written only where it differs from the last one given for its ID. */
function remembered(names: Map<number, string>, id: number, name: string | undefined): string {
  if (name) names.set(id, name)
  return names.get(id) ?? ''
}

function secondsOf(modtime: string | undefined): number {
  const ms = modtime ? Date.parse(modtime) : 0
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000)
}
