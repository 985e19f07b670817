/**
 * Puts a layer together: entries in the given order, the landmark between them, table of contents and footer. Content is known by where it
 * lies in a tar; the store that keeps that tar and compresses is passed in. Members that are stored already are taken as they are.
 */
import { type Digest, digestOf } from '../../digest.ts'
import { END_OF_TAR, plainFileHeader } from '../../tar/encode.ts'
import { type EntryFacts, paddingOf } from '../../tar/entry.ts'
import { encodeFooter } from '../format/footer.ts'
import { encodeToc, TOC_NAME, type TocEntry } from '../format/toc.ts'
import { landmarkEntry } from './landmark.ts'
import { type CutOptions, cutMembers, type Member, type Place, type Range } from './members.ts'
import { tocEntriesOf, type WrittenChunk } from './toc.ts'

/** An entry, and where it lies in the tar. */
export interface PlacedEntry extends EntryFacts, Place {
  /** sha256 of the content of a file of several chunks; of one chunk it is the chunk's */
  digest: Digest | undefined
}

export interface LayerOrder {
  /** the prioritized zone: stands before the landmark; may be empty */
  readonly zone: readonly PlacedEntry[]
  readonly rest: readonly PlacedEntry[]
}

export type LayerFormat = Pick<CutOptions<PlacedEntry>, 'chunkSizeOf' | 'minChunkSize'>

/** A member that is compressed. */
export interface StoredMember {
  /** where its keeper has its first byte */
  readonly at: number
  /** compressed bytes */
  readonly size: number
  /** of the chunks in it, in order */
  readonly digests: readonly Digest[]
}

/** Keeps the tar that entries lie in, and compresses parts of it. */
export interface LayerStore {
  /** Adds bytes at the end of the tar. @returns where they begin */
  append(bytes: Uint8Array): Promise<number>
  /** Compresses those of the members that aren't stored. */
  compress(members: Iterable<Member<PlacedEntry>>): Promise<void>
  stored(ranges: readonly Range[]): StoredMember | undefined
  /** Compresses the table of contents' tar into one member. It may take its memory away. */
  compressToc(tar: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
  /** sha256 of a regular file's content, undefined for others. */
  digestOf(entry: PlacedEntry): Digest | undefined
}

/** Takes the layer's members in order: where each one's content lies in the tar, and its compressed bytes. */
export type Emit = (content: readonly Range[], stored: StoredMember | Uint8Array) => void

export interface WrittenToc {
  readonly tocDigest: Digest
  /** compressed bytes before the landmark's content: what the runtime fetches at once; 0 without a zone */
  readonly zoneBytes: number
}

export async function writeEstargz(
  { zone, rest }: LayerOrder,
  format: LayerFormat,
  store: LayerStore,
  emit: Emit,
): Promise<WrittenToc> {
  const landmark = await placeLandmark(zone.length > 0, store)
  const entries = [...zone, landmark, ...rest]
  // Cut each time it is walked through: a million members as objects would be most of the memory.
  const cut = () => cutMembers<PlacedEntry>(entries, { ...format, isAlone: (place) => place === landmark })
  await store.compress(cut())
  const layout = new Layout(store, emit)
  let landmarkOffset = 0
  const entriesOfToc = layout.tocOf(entries, cut(), (entry, offset) => {
    if (entry === landmark) landmarkOffset = offset
  })
  const toc = tarOfToc(encodeToc(entriesOfToc))
  const tocOffset = layout.size
  const start = await store.append(toc.tar)
  const range = { start, end: start + toc.tar.length }
  emit([range], await store.compressToc(toc.tar))
  emit([], encodeFooter(tocOffset))
  return { tocDigest: toc.digest, zoneBytes: zone.length > 0 ? landmarkOffset : 0 }
}

async function placeLandmark(hasZone: boolean, store: LayerStore): Promise<PlacedEntry> {
  const { facts, header, content } = landmarkEntry(hasZone)
  const start = await store.append(Buffer.concat([header, content]))
  const at = start + header.length
  return { ...facts, start, content: at, end: at + content.length, digest: undefined }
}

/** Lays members out one behind the other. */
class Layout {
  /** of the blob so far */
  size = 0
  private readonly store: LayerStore
  private readonly emit: Emit

  constructor(store: LayerStore, emit: Emit) {
    this.store = store
    this.emit = emit
  }

  /**
   * Gives the table of contents on the way: entries and chunks have one order.
   * @param onOffset told where each file's content begins
   */
  *tocOf(
    entries: readonly PlacedEntry[],
    members: Iterable<Member<PlacedEntry>>,
    onOffset: (entry: PlacedEntry, offset: number) => void,
  ): Generator<TocEntry> {
    const chunks = this.chunksOf(members)
    for (const entry of entries) {
      const own: WrittenChunk[] = []
      for (let left = entry.size; left > 0; left -= own.at(-1)?.size ?? left) {
        const next = chunks.next()
        if (next.done) throw new Error('a file without its chunks')
        own.push(next.value)
      }
      if (own[0]) onOffset(entry, own[0].offset)
      const [only] = own
      const digest = own.length === 1 && only ? only.digest : this.store.digestOf(entry)
      yield* tocEntriesOf(entry, own, digest)
    }
    for (const _ of chunks); // headers behind the last file
  }

  private *chunksOf(members: Iterable<Member<PlacedEntry>>): Generator<WrittenChunk, void, undefined> {
    for (const member of members) {
      const stored = this.store.stored(member.ranges)
      if (stored === undefined) throw new Error('a member was not compressed')
      const offset = this.size
      this.size += stored.size
      this.emit(member.ranges, stored)
      for (const [index, { fileOffset, size, innerOffset }] of member.chunks.entries()) {
        const digest = stored.digests[index]
        if (digest === undefined) throw new Error('a member without its chunk’s digest')
        yield { offset, innerOffset, fileOffset, size, digest }
      }
    }
  }
}

/** @returns the end of the layer's tar, and the digest of the JSON in it */
function tarOfToc(json: Iterable<Buffer>): { tar: Uint8Array<ArrayBuffer>; digest: Digest } {
  const pieces = [...json]
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const header = plainFileHeader(TOC_NAME, size)
  const tar = new Uint8Array(header.length + size + paddingOf(size) + END_OF_TAR.length)
  tar.set(header)
  let at = header.length
  for (const piece of pieces) {
    tar.set(piece, at)
    at += piece.length
  }
  return { tar, digest: digestOf(tar.subarray(header.length, at)) }
}
