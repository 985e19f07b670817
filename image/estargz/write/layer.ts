/**
 * Puts a layer together: entries in the given order, the landmark between them, and what ends its format. Content is known by where it
 * lies in a tar; the store that keeps that tar and compresses is passed in. Members that are stored already are taken as they are.
 */

import { entriesOfChains } from '../format/ahead.ts'
import { FORMATS, type TocPlace } from '../format/formats.ts'
import { isFormatFile, type TocEntry } from '../format/toc.ts'
import { writeAhead } from './ahead.ts'
import { endEstargz } from './end-estargz.ts'
import { endExternal } from './end-external.ts'
import { endZstdChunked } from './end-zstd-chunked.ts'
import type { Ending } from './ending.ts'
import { cutHotRanges } from './hot-ranges.ts'
import { landmarkEntry } from './landmark.ts'
import { cutMembers, type Member } from './members.ts'
import type { Emit, LayerFormat, LayerOrder, LayerStore, PlacedEntry, WrittenToc } from './store.ts'
import { tocEntriesOf, type WrittenChunk } from './toc.ts'

export type {
  Emit,
  ExternalTocBlob,
  LayerFormat,
  LayerOrder,
  LayerStore,
  PlacedEntry,
  StoredMember,
  WrittenToc,
} from './store.ts'

const ENDINGS: Readonly<Record<TocPlace, Ending>> = {
  'in-tar': endEstargz,
  'behind-tar': endZstdChunked,
  external: endExternal,
}

export async function writeEstargz(
  { zone, rest, hot = new Map(), tail }: LayerOrder,
  format: LayerFormat,
  store: LayerStore,
  emit: Emit,
): Promise<WrittenToc> {
  const hasZone = zone.length > 0 || hot.size > 0
  const landmark = tail ? undefined : await placeLandmark(hasZone, store)
  const entries = [...zone, ...(landmark ? [landmark] : []), ...rest]
  const split = await cutHotRanges(hot, format.chunkSizeOf, store)
  const options = {
    ...format,
    cutsOf: (place: PlacedEntry) => split.get(place)?.sizes,
    isAlone: (place: PlacedEntry) => (landmark ? place === landmark : isFormatFile(place.path)),
    tail,
  }
  // Cut each time it is walked through: a million members as objects would be most of the memory.
  const cut = () => cutMembers<PlacedEntry>(entries, options)
  await store.compress(cut())
  const closing = await ENDINGS[FORMATS[format.name ?? 'estargz'].tocPlace](entries, store, tail)
  const layout = new Layout(store, emit)
  const chains = writeAhead(split, store, layout)
  let landmarkOffset = 0
  const inPlace = layout.tocOf(entries, cut(), (entry, offset) => {
    if (entry === landmark) landmarkOffset = offset
  })
  const toc = inOrder(entriesOfChains(chains), inPlace)
  const written = await closing.finish(closing.detailed?.(toc) ?? toc, layout)
  return { ...written, zoneBytes: hasZone ? landmarkOffset : 0 }
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

  /** Adds a member, or bytes that are none. */
  readonly add: Emit = (content, stored) => {
    this.size += stored instanceof Uint8Array ? stored.length : stored.size
    this.emit(content, stored)
  };

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
      this.add(member.ranges, stored)
      for (const [index, { fileOffset, size, innerOffset }] of member.chunks.entries()) {
        const digest = stored.digests[index]
        if (digest === undefined) throw new Error('a member without its chunk’s digest')
        yield { offset, innerOffset, fileOffset, size, digest }
      }
    }
  }
}

function* inOrder<T>(...all: readonly Iterable<T>[]): Generator<T> {
  for (const each of all) yield* each
}
