/** What a layer is written from: entries in their order, and the store that keeps their tar and compresses it. */
import type { Digest } from '../../digest.ts'
import type { EntryFacts } from '../../tar/entry.ts'
import type { ChunkedFrames, FormatName } from '../format/formats.ts'
import type { CutOptions, Member, Place, Range } from './members.ts'

/** An entry, and where it lies in the tar. */
export interface PlacedEntry extends EntryFacts, Place {
  /** sha256 of the content of a file of several chunks; of one chunk it is the chunk's */
  digest: Digest | undefined
}

/** Bytes of files, half-open, ascending, apart, by the file; carriers stand in this order. */
export type HotRanges = ReadonlyMap<PlacedEntry, readonly (readonly [start: number, end: number])[]>

export interface LayerOrder {
  /** the prioritized zone: stands before the landmark; may be empty */
  readonly zone: readonly PlacedEntry[]
  readonly rest: readonly PlacedEntry[]
  /** what goes ahead of files in `rest`, which stay where they are, whole */
  readonly hot?: HotRanges | undefined
  /**
   * Of a tar that stays byte for byte: what follows its last entry's content. There is no zone then, nothing is added, and `start` of an entry is where
   * the content before it ends.
   */
  readonly tail?: Range | undefined
}

/** @property name eStargz unless told */
export type LayerFormat = Pick<CutOptions<PlacedEntry>, 'chunkSizeOf' | 'minChunkSize'> & {
  readonly name?: FormatName | undefined
}

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
  /** Compresses what has no place in the tar's order into one member, with more effort. It may take its memory away. */
  compressOne(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
  /** Parts of the tar, one after the other. */
  read(ranges: Iterable<Range>): AsyncIterable<Buffer>
  /** CRC-64 of each part of the tar, as tar-split has it: 8 bytes. */
  checksums(ranges: readonly Range[]): Promise<readonly Buffer[]>
  /** sha256 of a regular file's content, undefined for others. */
  digestOf(entry: PlacedEntry): Digest | undefined
}

/** Takes the layer's members in order: where each one's content lies in the tar, and its compressed bytes. */
export type Emit = (content: readonly Range[], stored: StoredMember | Uint8Array) => void

/** A table of contents that is no part of its layer: a layer itself, of one file. */
export interface ExternalTocBlob {
  /** compressed */
  readonly stored: Uint8Array
  /** sha256 uncompressed */
  readonly diffId: Digest
}

export interface WrittenToc {
  readonly tocDigest: Digest
  /** of the stored table of contents and the footer, which are fetched before anything else */
  readonly tocBytes: number
  /** compressed bytes before the landmark's content: what the runtime fetches at once; 0 without a zone */
  readonly zoneBytes: number
  /** of zstd:chunked */
  readonly frames?: ChunkedFrames | undefined
  /** of a layer without one in its blob */
  readonly externalToc?: ExternalTocBlob | undefined
}
