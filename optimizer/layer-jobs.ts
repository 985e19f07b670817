/** Takes one layer through: read, written in its new order, sent; its files removed when they have done their work. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { EstargzEntry, EstargzLayer } from '../image/estargz/reader.ts'
import { TOC_DIGEST_ANNOTATION, UNCOMPRESSED_SIZE_ANNOTATION } from '../image/estargz/toc.ts'
import { isElsewhere, OCI_LAYER_GZIP } from '../image/media-types.ts'
import type { Blob, Descriptor, Digest, ImageTarget, Layer } from '../image/types.ts'
import type { ChunkSizes } from './chunking.ts'
import type { Pool } from './compress/pool.ts'
import { chunkSizesOf, copyLayer } from './copy.ts'
import { ingestLayer, type LayerFiles } from './ingest.ts'
import type { SpooledLayer } from './layer.ts'
import { keptDescriptor } from './manifest.ts'
import type { OptimizeOptions } from './options.ts'
import { orderLayer } from './order.ts'
import type { LayerPlan } from './plan.ts'
import { type Prepared, prepareLayer } from './prepare.ts'
import { AppendFile } from './spool.ts'
import { type WrittenLayer, writeLayer } from './write.ts'

export interface LayerSummary {
  readonly source: Descriptor
  readonly result: Descriptor
  /** `reused`: it was right already; `kept`: not among `onlyLayers`; `reordered`: members copied, not compressed */
  readonly how: 'converted' | 'reordered' | 'reused' | 'kept'
  readonly entries: number
  /** entries ahead of the landmark, with the directories and links they need */
  readonly zoneEntries: number
  /** compressed bytes that a runtime fetches at once */
  readonly zoneBytes: number
  /** the target had it already */
  readonly existed: boolean
}

export type Stage = 'read' | 'write' | 'send' | 'done'

export interface Written {
  readonly diffId: Digest
  readonly summary: LayerSummary
}

export interface LayerJobOptions {
  readonly options: OptimizeOptions
  readonly chunkSizeOf: ChunkSizes
  readonly pool: Pool
  readonly target: ImageTarget
  /** where its files go */
  readonly folder: string
  onProgress(layer: number, stage: Stage, bytes: number): void
}

export class LayerJobs implements AsyncDisposable {
  private readonly settings: LayerJobOptions
  private readonly options: OptimizeOptions
  private readonly pool: Pool
  private readonly chunkSizeOf: ChunkSizes
  private readonly files = new Map<number, LayerFiles>()

  constructor(settings: LayerJobOptions) {
    this.settings = settings
    this.options = settings.options
    this.pool = settings.pool
    this.chunkSizeOf = settings.chunkSizeOf
  }

  async prepare(layer: Layer, index: number, signal: AbortSignal): Promise<Prepared> {
    const { level, minChunkSize, onlyLayers } = this.options
    return prepareLayer(layer, {
      pool: this.pool,
      level,
      minChunkSize,
      chunkSizeOf: this.chunkSizeOf,
      signal,
      mayChange: onlyLayers?.includes(index) ?? true,
      files: () => this.filesOf(index),
      onBytes: (bytes) => {
        signal.throwIfAborted()
        this.settings.onProgress(index, 'read', bytes)
      },
    })
  }

  private async filesOf(index: number): Promise<LayerFiles> {
    const spool = await AppendFile.create(join(this.settings.folder, `${index}.tar`))
    const members = await AppendFile.create(join(this.settings.folder, `${index}.members`))
    const files = { spool, members }
    this.files.set(index, files)
    return files
  }

  openFiles(index: number): LayerFiles {
    const files = this.files.get(index)
    if (files === undefined) throw new Error('a layer without files')
    return files
  }

  async write(
    source: Layer,
    index: number,
    prepared: Prepared,
    plan: LayerPlan,
    signal: AbortSignal,
  ): Promise<Written> {
    if (prepared.kind === 'kept') {
      const facts = { how: 'kept' as const, entries: prepared.entries.length, zoneEntries: 0, zoneBytes: 0 }
      return this.keep(source, index, facts, signal)
    }
    if (prepared.kind === 'estargz') return this.reorder(source, index, prepared.layer, plan, signal)
    return this.writeSpooled(
      source,
      index,
      prepared.layer,
      plan,
      { how: 'converted', chunkSizeOf: this.chunkSizeOf },
      signal,
    )
  }

  /** A layer that is eStargz already: nothing to do where its zone is right, else its members are copied. */
  private async reorder(
    source: Layer,
    index: number,
    estargz: EstargzLayer,
    plan: LayerPlan,
    signal: AbortSignal,
  ): Promise<Written> {
    const { entries, zoneEntries, zoneEnd } = estargz
    const { zone } = orderLayer(entries, plan.zone, plan.early)
    if (hasZone(estargz, zone)) {
      const facts = { how: 'reused' as const, entries: entries.length, zoneEntries, zoneBytes: zoneEnd }
      return this.keep(source, index, facts, signal)
    }
    const onBytes = (bytes: number) => {
      signal.throwIfAborted()
      this.settings.onProgress(index, 'read', bytes)
    }
    const options = { pool: this.pool, onBytes }
    const open = () => source.open(undefined, signal)
    // Files first: a stream whose error comes while nobody listens ends the process.
    const files = await this.filesOf(index)
    const copied = await copyLayer(await open(), estargz, files, options)
    if (copied) {
      const facts = { how: 'reordered' as const, chunkSizeOf: chunkSizesOf(estargz) }
      return this.writeSpooled(source, index, copied, plan, facts, signal)
    }
    await this.remove(index)
    const again = await this.filesOf(index)
    const { level, minChunkSize } = this.options
    const settings = { ...options, level, minChunkSize, chunkSizeOf: this.chunkSizeOf }
    const layer = await ingestLayer(await open(), again, settings, `layer ${source.descriptor.digest}`)
    const facts = { how: 'converted' as const, chunkSizeOf: this.chunkSizeOf }
    return this.writeSpooled(source, index, layer, plan, facts, signal)
  }

  private async writeSpooled(
    source: Layer,
    index: number,
    layer: SpooledLayer,
    plan: LayerPlan,
    { how, chunkSizeOf }: { how: LayerSummary['how']; chunkSizeOf: ChunkSizes },
    signal: AbortSignal,
  ): Promise<Written> {
    const files = this.openFiles(index)
    this.settings.onProgress(index, 'write', 0)
    const order = orderLayer(layer.entries, plan.zone, plan.early)
    const written = await writeLayer(layer, order, files, {
      pool: this.pool,
      level: this.options.level,
      minChunkSize: this.options.minChunkSize,
      chunkSizeOf,
    })
    signal.throwIfAborted()
    const blob = blobOf(source.descriptor, written)
    const { existed } = await this.send(index, blob, signal)
    await this.remove(index)
    const summary: LayerSummary = {
      source: source.descriptor,
      result: blob.descriptor,
      how,
      entries: layer.entries.length,
      zoneEntries: order.zone.length,
      zoneBytes: written.zoneBytes,
      existed,
    }
    return { diffId: written.diffId, summary }
  }

  private async keep(
    source: Layer,
    index: number,
    facts: Pick<LayerSummary, 'how' | 'entries' | 'zoneEntries' | 'zoneBytes'>,
    signal: AbortSignal,
  ): Promise<Written> {
    const result = keptDescriptor(source.descriptor)
    const { existed } = await this.send(index, { ...source, descriptor: result }, signal)
    return { diffId: source.diffId, summary: { source: source.descriptor, result, ...facts, existed } }
  }

  private async send(index: number, blob: Blob, signal: AbortSignal): Promise<{ existed: boolean }> {
    this.settings.onProgress(index, 'send', blob.descriptor.size)
    const sent = isElsewhere(blob.descriptor)
      ? { existed: true }
      : await this.settings.target.putBlob(blob, signal)
    this.settings.onProgress(index, 'done', blob.descriptor.size)
    return sent
  }

  /** A layer that was sent needs its files no more. */
  private async remove(index: number): Promise<void> {
    const files = this.files.get(index)
    this.files.delete(index)
    for (const file of files ? [files.spool, files.members] : []) {
      await file[Symbol.asyncDispose]()
      await rm(file.path, { force: true })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const index of [...this.files.keys()]) await this.remove(index)
  }
}

/** What is in the zone decides, not in which order: the runtime fetches it whole. */
function hasZone({ entries, zoneEntries, landmark }: EstargzLayer, zone: readonly EstargzEntry[]): boolean {
  if (landmark !== (zone.length > 0 ? 'prefetch' : 'no-prefetch') || zone.length !== zoneEntries) return false
  const there = new Set(entries.slice(0, zoneEntries))
  return zone.every((entry) => there.has(entry))
}

function blobOf(source: Descriptor, written: WrittenLayer): Blob {
  return {
    descriptor: {
      mediaType: OCI_LAYER_GZIP,
      digest: written.digest,
      size: written.size,
      annotations: {
        ...source.annotations,
        [TOC_DIGEST_ANNOTATION]: written.tocDigest,
        [UNCOMPRESSED_SIZE_ANNOTATION]: String(written.uncompressedSize),
      },
    },
    open: async (range) => written.blob.open(range),
  }
}
