/**
 * Writes a spooled layer in its new order. Members that fit are taken as they are; the few that don't are compressed; what remains is
 * arithmetic. The blob is a list of parts of the files that are there already.
 */
import { open } from 'node:fs/promises'
import { FORMATS, type FormatName } from '../../image/estargz/format/formats.ts'
import {
  type LayerFormat,
  type LayerOrder,
  type LayerStore,
  type PlacedEntry,
  type WrittenToc,
  writeEstargz,
} from '../../image/estargz/write/layer.ts'
import type { Member, Range } from '../../image/estargz/write/members.ts'
import type { Digest } from '../../image/types.ts'
import { compressMembers } from '../compress/batcher.ts'
import { readParts, type Span } from '../compress/jobs.ts'
import type { Pool } from '../compress/pool.ts'
import { Segments } from '../spool/segments.ts'
import { digestOfFile, type LayerFiles, type SpooledLayer, setDigest } from '../spool/spooled-layer.ts'

export interface WriteOptions extends LayerFormat {
  readonly pool: Pool
  readonly level: number
}

export interface WrittenLayer extends WrittenToc {
  readonly blob: Segments
  readonly digest: Digest
  readonly size: number
  readonly diffId: Digest
  readonly uncompressedSize: number
}

/** @param files that hold the layer, to which members and table of contents are appended */
export async function writeLayer(
  layer: SpooledLayer,
  order: LayerOrder,
  files: LayerFiles,
  options: WriteOptions,
): Promise<WrittenLayer> {
  const blob = new Segments()
  const tar = new Segments()
  const written = await writeEstargz(order, options, storeOf(layer, files, options), (content, stored) => {
    for (const range of content) tar.add({ file: layer.spool, ...range })
    if (stored instanceof Uint8Array) blob.add(stored)
    else blob.add({ file: layer.members, start: stored.at, end: stored.at + stored.size })
  })
  const [stored, unpacked] = await Promise.all([options.pool.hash(blob.parts), options.pool.hash(tar.parts)])
  return {
    ...written,
    blob,
    digest: stored.digest,
    size: stored.size,
    diffId: unpacked.digest,
    uncompressedSize: unpacked.size,
  }
}

/** A table of contents is fetched before anything else, so its bytes are worth more time than a file's. */
const TOC_LEVEL = { gzip: 9, zstd: 15 } as const

const codecOf = ({ name }: { readonly name?: FormatName | undefined }) => FORMATS[name ?? 'estargz'].codec

function storeOf(layer: SpooledLayer, files: LayerFiles, options: WriteOptions): LayerStore {
  const { pool, level } = options
  const codec = codecOf(options)
  return {
    async append(bytes) {
      const start = files.spool.append(bytes)
      await files.spool.flush()
      return start
    },
    compress: (members) => compressMissing(members, layer, files, options),
    stored: (ranges) => layer.cache.get(ranges),
    async compressOne(bytes) {
      const { output } = await pool.compress({
        bytes: bytes.buffer,
        codec,
        members: [[0, bytes.length]],
        hashes: [],
        level: Math.max(level, TOC_LEVEL[codec]),
      })
      return output
    },
    read: (ranges) => readRanges(layer.spool, ranges),
    checksums: (ranges) => checksums(layer.spool, ranges, pool),
    digestOf: (entry) => digestOfFile(layer, entry),
  }
}

async function* readRanges(file: string, ranges: Iterable<Range>): AsyncGenerator<Buffer, void, undefined> {
  await using spool = await open(file)
  for (const { start, end } of ranges) {
    const bytes = Buffer.allocUnsafe(end - start)
    const { bytesRead } = await spool.read(bytes, 0, bytes.length, start)
    if (bytesRead < bytes.length) throw new Error(`${file} is shorter than ${end} bytes`)
    yield bytes
  }
}

/** Content whose checksums are one job. */
const CHECKSUM_BYTES = 16 << 20

async function checksums(file: string, ranges: readonly Range[], pool: Pool): Promise<Buffer[]> {
  const jobs: Span[][] = []
  let size = CHECKSUM_BYTES
  for (const { start, end } of ranges) {
    if (size >= CHECKSUM_BYTES) {
      jobs.push([])
      size = 0
    }
    jobs.at(-1)?.push([start, end])
    size += end - start
  }
  const sums = await Promise.all(jobs.map((spans) => pool.checksum({ file, spans })))
  return sums.flat().map((sum) => Buffer.from(sum))
}

type Cut = Member<PlacedEntry>

/** Bytes read from the spool and compressed in one job. */
const JOB_BYTES = 1 << 20

async function compressMissing(
  members: Iterable<Cut>,
  layer: SpooledLayer,
  files: LayerFiles,
  { pool, level, name }: WriteOptions,
): Promise<void> {
  const options = {
    pool,
    codec: codecOf({ name }),
    level,
    cache: layer.cache,
    file: files.members,
    onShared: setDigest,
  }
  const jobs: Promise<void>[] = []
  for (const batch of batchesOf(missing(members, layer))) {
    const size = batch.reduce((sum, member) => sum + member.size, 0)
    await pool.room(size)
    const job = readSpool(layer.spool, batch, pool.buffer(size))
      .then((bytes) => compressMembers(bytes, batch, options))
      .finally(() => pool.giveBack(size))
    job.catch(() => {}) // awaited below, maybe after another has failed
    jobs.push(job)
  }
  await Promise.all(jobs)
  await files.members.flush()
}

function* missing(members: Iterable<Cut>, layer: SpooledLayer): Generator<Cut> {
  for (const member of members) {
    // One that was taken for headers, where a table of contents lied, has no digests.
    const stored = layer.cache.get(member.ranges)
    if (stored?.digests.length !== member.chunks.length) yield member
  }
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
