/**
 * Writes a spooled layer in its new order. Members that fit are taken as they are; the few that don't are compressed; what remains is
 * arithmetic. The blob is a list of parts of the files that are there already.
 */
import {
  type LayerFormat,
  type LayerOrder,
  type LayerStore,
  type PlacedEntry,
  type WrittenToc,
  writeEstargz,
} from '../../image/estargz/write/layer.ts'
import type { Member } from '../../image/estargz/write/members.ts'
import type { Digest } from '../../image/types.ts'
import { compressMembers } from '../compress/batcher.ts'
import { readParts } from '../compress/jobs.ts'
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
const TOC_LEVEL = 9

function storeOf(layer: SpooledLayer, files: LayerFiles, options: WriteOptions): LayerStore {
  const { pool, level } = options
  return {
    async append(bytes) {
      const start = files.spool.append(bytes)
      await files.spool.flush()
      return start
    },
    compress: (members) => compressMissing(members, layer, files, options),
    stored: (ranges) => layer.cache.get(ranges),
    async compressToc(tar) {
      const { output } = await pool.compress({
        bytes: tar.buffer,
        members: [[0, tar.length]],
        hashes: [],
        level: Math.max(level, TOC_LEVEL),
      })
      return output
    },
    digestOf: (entry) => digestOfFile(layer, entry),
  }
}

type Cut = Member<PlacedEntry>

/** Bytes read from the spool and compressed in one job. */
const JOB_BYTES = 1 << 20

async function compressMissing(
  members: Iterable<Cut>,
  layer: SpooledLayer,
  files: LayerFiles,
  { pool, level }: WriteOptions,
): Promise<void> {
  const options = { pool, level, cache: layer.cache, file: files.members, onShared: setDigest }
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
