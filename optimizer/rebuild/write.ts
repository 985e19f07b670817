/**
 * Writes a layer in its new order. Members that fit are taken as they are; the few that don't are compressed; what remains is
 * arithmetic: offsets, table of contents, footer. The blob is a list of parts of the files that lie there already.
 */

import { digestOf } from '../../image/digest.ts'
import { encodeFooter } from '../../image/estargz/format/footer.ts'
import { encodeToc, TOC_NAME, type TocEntry } from '../../image/estargz/format/toc.ts'
import { cutMembers, type Member } from '../../image/estargz/write/members.ts'
import { END_OF_TAR, plainFileHeader } from '../../image/tar/encode.ts'
import { paddingOf } from '../../image/tar/entry.ts'
import type { Digest } from '../../image/types.ts'
import { compressMembers } from '../compress/batcher.ts'
import type { StoredMember } from '../compress/cache.ts'
import { type FilePart, readParts } from '../compress/jobs.ts'
import type { Pool } from '../compress/pool.ts'
import type { AppendFile } from '../spool/append-file.ts'
import type { LayerFiles } from '../spool/from-tar.ts'
import { Segments } from '../spool/segments.ts'
import { digestOfFile, type SpooledEntry, type SpooledLayer, setDigest } from '../spool/spooled-layer.ts'
import { tocEntriesOf, type WrittenChunk } from './toc.ts'

export interface WriteOptions {
  readonly pool: Pool
  readonly level: number
  readonly minChunkSize: number
  chunkSizeOf(file: { readonly path: string; readonly size: number }): number
}

export interface LayerOrder {
  /** ahead of the landmark; a layer without any says so with another landmark */
  readonly zone: readonly SpooledEntry[]
  readonly rest: readonly SpooledEntry[]
}

export interface WrittenLayer {
  readonly blob: Segments
  readonly digest: Digest
  readonly size: number
  readonly diffId: Digest
  readonly uncompressedSize: number
  readonly tocDigest: Digest
  /** compressed bytes ahead of the landmark's content: what the runtime fetches at once; 0 without a zone */
  readonly zoneBytes: number
}

/** A table of contents is fetched before anything else, so its bytes are worth more time than a file's. */
const TOC_LEVEL = 9

/** @param files that hold the layer, to which members and table of contents are appended */
export async function writeLayer(
  layer: SpooledLayer,
  order: LayerOrder,
  files: LayerFiles,
  options: WriteOptions,
): Promise<WrittenLayer> {
  const { prefetch, noPrefetch } = layer.landmarks
  const landmark = order.zone.length > 0 ? prefetch : noPrefetch
  const entries = [...order.zone, landmark, ...order.rest]
  // Cut anew each time it is walked through: a million members as objects would be most of the memory.
  const cut = () => cutMembers<SpooledEntry>(entries, { ...options, isAlone: (place) => place === landmark })
  await compressMissing(layer, cut(), files.members, options)
  const blob = new Segments()
  let zoneBytes = 0
  const entriesOfToc = tocOf(layer, entries, cut(), blob, (entry, offset) => {
    if (entry === prefetch) zoneBytes = offset
  })
  const toc = tarOfToc(encodeToc(entriesOfToc))
  const tocOffset = blob.size
  const tar = uncompressed(layer, cut())
  tar.add(await spoolToc(toc.tar, files.spool))
  blob.add(await compressToc(toc.tar, options))
  blob.add(encodeFooter(tocOffset))
  const [stored, unpacked] = await Promise.all([options.pool.hash(blob.parts), options.pool.hash(tar.parts)])
  return {
    blob,
    digest: stored.digest,
    size: stored.size,
    diffId: unpacked.digest,
    uncompressedSize: unpacked.size,
    tocDigest: toc.digest,
    zoneBytes,
  }
}

type Cut = Member<SpooledEntry>

/** Bytes read from the spool and compressed in one job. */
const JOB_BYTES = 1 << 20

async function compressMissing(
  layer: SpooledLayer,
  members: Iterable<Cut>,
  file: AppendFile,
  options: WriteOptions,
): Promise<void> {
  const { pool, level } = options
  const { cache } = layer
  const jobs: Promise<void>[] = []
  for (const batch of batchesOf(missing(members, layer))) {
    const size = batch.reduce((sum, member) => sum + member.size, 0)
    await pool.room(size)
    const job = readSpool(layer.spool, batch, pool.buffer(size))
      .then((bytes) => compressMembers(bytes, batch, { pool, level, cache, file, onShared: setDigest }))
      .finally(() => pool.giveBack(size))
    job.catch(() => {}) // awaited below, maybe after another has failed
    jobs.push(job)
  }
  await Promise.all(jobs)
  await file.flush()
}

function* missing(members: Iterable<Cut>, layer: SpooledLayer): Generator<Cut> {
  for (const member of members) if (layer.cache.get(member.ranges) === undefined) yield member
}

function* batchesOf(members: Iterable<Cut>): Generator<Cut[]> {
  let batch: Cut[] = []
  let size = 0
  for (const member of members) {
    if (size > 0 && size + member.size > JOB_BYTES) {
      yield batch
      batch = []
      size = 0
    }
    batch.push(member)
    size += member.size
  }
  if (batch.length > 0) yield batch
}

async function readSpool(spool: string, batch: readonly Cut[], buffer: ArrayBuffer): Promise<ArrayBuffer> {
  const parts = batch.flatMap(({ ranges }) => ranges.map((range) => ({ file: spool, ...range })))
  let at = 0
  const rest = () => Buffer.from(buffer, at)
  for await (const piece of readParts(parts, rest)) at += piece.length
  return buffer
}

/**
 * Lays members out one behind the other in `blob` and gives the table of contents on the way: entries and chunks have one order.
 * @param onOffset told where each file's content begins
 */
function* tocOf(
  layer: SpooledLayer,
  entries: readonly SpooledEntry[],
  members: Iterable<Cut>,
  blob: Segments,
  onOffset: (entry: SpooledEntry, offset: number) => void,
): Generator<TocEntry> {
  const chunks = chunksOf(layer, members, blob)
  for (const entry of entries) {
    const own: WrittenChunk[] = []
    for (let left = entry.size; left > 0; left -= own.at(-1)?.size ?? left) {
      const next = chunks.next()
      if (next.done) throw new Error('a file without its chunks')
      own.push(next.value)
    }
    if (own[0]) onOffset(entry, own[0].offset)
    const [only] = own
    const digest = own.length === 1 && only ? only.digest : digestOfFile(layer, entry)
    yield* tocEntriesOf(entry, own, digest)
  }
  for (const _ of chunks); // headers behind the last file
}

function* chunksOf(
  layer: SpooledLayer,
  members: Iterable<Cut>,
  blob: Segments,
): Generator<WrittenChunk, void, undefined> {
  for (const member of members) {
    const stored = storedOf(layer, member)
    const offset = blob.size
    blob.add({ file: layer.members, start: stored.at, end: stored.at + stored.size })
    for (const [index, { fileOffset, size, innerOffset }] of member.chunks.entries()) {
      const digest = stored.digests[index]
      if (digest === undefined) throw new Error('a member without its chunk’s digest')
      yield { offset, innerOffset, fileOffset, size, digest }
    }
  }
}

function storedOf(layer: SpooledLayer, member: Cut): StoredMember {
  const stored = layer.cache.get(member.ranges)
  if (stored === undefined) throw new Error('a member was not compressed')
  return stored
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

async function spoolToc(tar: Uint8Array, spool: AppendFile): Promise<FilePart> {
  const start = spool.append(tar)
  await spool.flush()
  return { file: spool.path, start, end: spool.size }
}

/** Takes the tar's memory away. */
async function compressToc(tar: Uint8Array<ArrayBuffer>, { pool, level }: WriteOptions): Promise<Uint8Array> {
  const { output } = await pool.compress({
    bytes: tar.buffer,
    members: [[0, tar.length]],
    hashes: [],
    level: Math.max(level, TOC_LEVEL),
  })
  return output
}

function uncompressed(layer: SpooledLayer, members: Iterable<Cut>): Segments {
  const tar = new Segments()
  for (const { ranges } of members) for (const range of ranges) tar.add({ file: layer.spool, ...range })
  return tar
}
