/**
 * Writes a layer in its new order. Members that fit are taken as they are; the few that don't are compressed; what remains is
 * arithmetic: offsets, table of contents, footer. The blob is a list of parts of the files that lie there already.
 */

import { digestOf } from '../image/digest.ts'
import { encodeFooter } from '../image/estargz/footer.ts'
import { encodeToc, TOC_NAME } from '../image/estargz/toc.ts'
import { paddingOf } from '../image/tar/entry.ts'
import { END_OF_TAR, plainFileHeader } from '../image/tar/write.ts'
import type { Digest } from '../image/types.ts'
import { compressMembers } from './batcher.ts'
import type { StoredMember } from './cache.ts'
import { readParts } from './compress/jobs.ts'
import type { Pool } from './compress/pool.ts'
import type { SpooledEntry, SpooledLayer } from './layer.ts'
import { type Member, MemberCutter } from './members.ts'
import { Segments } from './segments.ts'
import type { AppendFile } from './spool.ts'
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
  /** members that had to be compressed for the new order */
  readonly compressedAgain: number
}

/** A table of contents is fetched before anything else, so its bytes are worth more time than a file's. */
const TOC_LEVEL = 9

/** @param file that holds the layer's members, to which more are appended */
export async function writeLayer(
  layer: SpooledLayer,
  order: LayerOrder,
  file: AppendFile,
  options: WriteOptions,
): Promise<WrittenLayer> {
  const { prefetch, noPrefetch } = layer.landmarks
  const landmark = order.zone.length > 0 ? prefetch : noPrefetch
  const entries = [...order.zone, landmark, ...order.rest]
  const members = cutAll(entries, landmark, options)
  const compressedAgain = await compressMissing(layer, members, file, options)
  const { blob, chunks } = layOut(layer, members)
  const zoneBytes = order.zone.length > 0 ? (chunks.get(landmark)?.[0]?.offset ?? 0) : 0
  const toc = encodeToc(entries.flatMap((entry) => tocEntriesOf(entry, chunks.get(entry) ?? [])))
  const tocTar = Buffer.concat([
    plainFileHeader(TOC_NAME, toc.length),
    toc,
    Buffer.alloc(paddingOf(toc.length)),
    END_OF_TAR,
  ])
  const tocOffset = blob.size
  blob.add(await compressToc(tocTar, options))
  blob.add(encodeFooter(tocOffset))
  const tar = uncompressed(layer, members, tocTar)
  const [stored, unpacked] = await Promise.all([options.pool.hash(blob.parts), options.pool.hash(tar.parts)])
  return {
    blob,
    digest: stored.digest,
    size: stored.size,
    diffId: unpacked.digest,
    uncompressedSize: unpacked.size,
    tocDigest: digestOf(toc),
    zoneBytes,
    compressedAgain,
  }
}

type Cut = Member<SpooledEntry>

function cutAll(entries: readonly SpooledEntry[], landmark: SpooledEntry, options: WriteOptions): Cut[] {
  const cutter = new MemberCutter<SpooledEntry>({ ...options, isAlone: (place) => place === landmark })
  return [...entries.flatMap((entry) => cutter.add(entry)), ...cutter.finish()]
}

/** Bytes read from the spool and compressed in one job. */
const JOB_BYTES = 1 << 20

async function compressMissing(
  layer: SpooledLayer,
  members: readonly Cut[],
  file: AppendFile,
  options: WriteOptions,
): Promise<number> {
  const missing = members.filter(({ ranges }) => layer.cache.get(ranges) === undefined)
  const jobs: Promise<void>[] = []
  for (const batch of batchesOf(missing)) {
    const size = batch.reduce((sum, member) => sum + member.size, 0)
    await options.pool.room(size)
    const job = readSpool(layer.spool, batch, size)
      .then((bytes) =>
        compressMembers(bytes, batch, {
          pool: options.pool,
          level: options.level,
          cache: layer.cache,
          file,
          onChunk: ({ place, size: bytes }, digest) => {
            if (bytes === place.size) place.digest = digest
          },
        }),
      )
      .finally(() => options.pool.giveBack(size))
    job.catch(() => {}) // awaited below, maybe after another has failed
    jobs.push(job)
  }
  await Promise.all(jobs)
  await file.flush()
  return missing.length
}

function* batchesOf(members: readonly Cut[]): Generator<Cut[]> {
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

async function readSpool(spool: string, batch: readonly Cut[], size: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  let at = 0
  for await (const piece of readParts(
    batch.flatMap(({ ranges }) => ranges.map((range) => ({ file: spool, ...range }))),
  )) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes.buffer
}

function layOut(layer: SpooledLayer, members: readonly Cut[]) {
  const blob = new Segments()
  const chunks = new Map<SpooledEntry, WrittenChunk[]>()
  for (const member of members) {
    const stored = storedOf(layer, member)
    const offset = blob.size
    blob.add({ file: layer.members, start: stored.at, end: stored.at + stored.size })
    member.chunks.forEach(({ place, fileOffset, size, innerOffset }, index) => {
      const digest = stored.digests[index]
      if (digest === undefined) throw new Error('a member without its chunk’s digest')
      const written = { offset, innerOffset, fileOffset, size, digest }
      const before = chunks.get(place)
      if (before) before.push(written)
      else chunks.set(place, [written])
    })
  }
  return { blob, chunks }
}

function storedOf(layer: SpooledLayer, member: Cut): StoredMember {
  const stored = layer.cache.get(member.ranges)
  if (stored === undefined) throw new Error('a member was not compressed')
  return stored
}

async function compressToc(tar: Buffer, { pool, level }: WriteOptions): Promise<Uint8Array> {
  const bytes = new Uint8Array(tar) // a copy: the thread takes it away
  const { output } = await pool.compress({
    bytes: bytes.buffer,
    members: [[0, bytes.length]],
    hashes: [],
    level: Math.max(level, TOC_LEVEL),
  })
  return output
}

function uncompressed(layer: SpooledLayer, members: readonly Cut[], tocTar: Buffer): Segments {
  const tar = new Segments()
  for (const { ranges } of members) for (const range of ranges) tar.add({ file: layer.spool, ...range })
  tar.add(tocTar)
  return tar
}
