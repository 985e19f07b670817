/** Takes one layer through: read, written in its new order, sent; its files removed when they have done their work. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stillTrue, withoutWrong } from '../../image/annotations.ts'
import { TOC_DIGEST_ANNOTATION, UNCOMPRESSED_SIZE_ANNOTATION } from '../../image/estargz/format/toc.ts'
import type { EstargzLayer } from '../../image/estargz/read/reader.ts'
import { isElsewhere, OCI_LAYER_GZIP } from '../../image/media-types.ts'
import type { Blob, Descriptor, Digest, ImageTarget, Layer } from '../../image/types.ts'
import type { Pool } from '../compress/pool.ts'
import type { OptimizeOptions } from '../options.ts'
import type { ChunkSizes } from '../plan/chunking.ts'
import { orderLayer } from '../plan/order.ts'
import type { LayerPlan } from '../plan/plan.ts'
import { AppendFile } from '../spool/append-file.ts'
import { chunkSizesOf, spoolEstargz } from '../spool/from-estargz.ts'
import { type SpoolOptions, spoolTar } from '../spool/from-tar.ts'
import type { LayerFiles, SpooledLayer } from '../spool/spooled-layer.ts'
import { keptDescriptor } from './manifest.ts'
import { type Prepared, prepareLayer } from './prepare.ts'
import { faultOf, type GivenFormat, hasZone, minChunkSizeOf } from './reuse.ts'
import { type WriteOptions, type WrittenLayer, writeLayer } from './write.ts'

export interface LayerSummary {
  readonly source: Descriptor
  readonly result: Descriptor
  /** `reused`: it was right already; `kept`: not among `onlyLayers`; `reordered`: members copied, not compressed */
  readonly how: 'converted' | 'reordered' | 'reused' | 'kept'
  /** of a layer that was eStargz already: why it was converted anew, a sentence for people */
  readonly why?: string | undefined
  /** what of the layer could not stay, a line each, for people */
  readonly notes?: readonly string[] | undefined
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
  readonly given: GivenFormat
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
    return prepareLayer(layer, {
      ...this.spoolOptions(index, signal),
      given: this.settings.given,
      signal,
      mayChange: this.options.onlyLayers?.includes(index) ?? true,
      files: () => this.filesOf(index),
    })
  }

  private spoolOptions(index: number, signal: AbortSignal): SpoolOptions {
    const { level, minChunkSize } = this.options
    const onBytes = (bytes: number) => {
      signal.throwIfAborted()
      this.settings.onProgress(index, 'read', bytes)
    }
    return { pool: this.pool, level, minChunkSize, chunkSizeOf: this.chunkSizeOf, onBytes }
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
    const format = { ...this.options, chunkSizeOf: this.chunkSizeOf }
    const { layer, why } = prepared
    return this.writeSpooled(source, index, layer, plan, format, { how: 'converted', why }, signal)
  }

  /** A layer that is eStargz already: nothing to do where its zone is right and it is sound, else its members are copied. */
  private async reorder(
    source: Layer,
    index: number,
    estargz: EstargzLayer,
    plan: LayerPlan,
    signal: AbortSignal,
  ): Promise<Written> {
    const { entries, zoneEntries, zoneEnd } = estargz
    if (hasZone(estargz, orderLayer(entries, plan.zone, plan.early).zone)) {
      const fault = await faultOf(source, signal)
      if (fault !== undefined) return this.convert(source, index, plan, `it had a fault: ${fault}`, signal)
      const facts = { how: 'reused' as const, entries: entries.length, zoneEntries, zoneBytes: zoneEnd }
      return this.keep(source, index, facts, signal)
    }
    // Files first: a stream whose error comes while nobody listens ends the process.
    const files = await this.filesOf(index)
    const spooling = this.spoolOptions(index, signal)
    const spooled = await spoolEstargz(await source.open(undefined, signal), estargz, files, spooling)
    const format = {
      level: this.options.level,
      minChunkSize: minChunkSizeOf(estargz),
      chunkSizeOf: chunkSizesOf(estargz),
    }
    if (spooled) return this.writeSpooled(source, index, spooled, plan, format, { how: 'reordered' }, signal)
    await this.remove(index)
    return this.convert(source, index, plan, 'it has members that can’t be copied', signal)
  }

  private async convert(
    source: Layer,
    index: number,
    plan: LayerPlan,
    why: string,
    signal: AbortSignal,
  ): Promise<Written> {
    const files = await this.filesOf(index)
    const spooling = this.spoolOptions(index, signal)
    const where = `layer ${source.descriptor.digest}`
    const layer = await spoolTar(await source.open(undefined, signal), files, spooling, where)
    return this.writeSpooled(source, index, layer, plan, spooling, { how: 'converted', why }, signal)
  }

  private async writeSpooled(
    source: Layer,
    index: number,
    layer: SpooledLayer,
    plan: LayerPlan,
    { level, minChunkSize, chunkSizeOf }: Omit<WriteOptions, 'pool'>,
    facts: Pick<LayerSummary, 'how' | 'why'>,
    signal: AbortSignal,
  ): Promise<Written> {
    const files = this.openFiles(index)
    this.settings.onProgress(index, 'write', 0)
    const order = orderLayer(layer.entries, plan.zone, plan.early)
    const written = await writeLayer(layer, order, files, {
      pool: this.pool,
      level,
      minChunkSize,
      chunkSizeOf,
    })
    signal.throwIfAborted()
    const blob = blobOf(source.descriptor, written)
    const { existed } = await this.send(index, blob, signal)
    await this.remove(index)
    const summary: LayerSummary = {
      source: source.descriptor,
      result: blob.descriptor,
      ...facts,
      ...(layer.notes.length > 0 && { notes: layer.notes }),
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
    const result = withoutWrong(keptDescriptor(source.descriptor), source.diffId)
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

function blobOf(source: Descriptor, written: WrittenLayer): Blob {
  return {
    descriptor: {
      mediaType: OCI_LAYER_GZIP,
      digest: written.digest,
      size: written.size,
      annotations: {
        ...stillTrue(source.annotations ?? {}),
        [TOC_DIGEST_ANNOTATION]: written.tocDigest,
        [UNCOMPRESSED_SIZE_ANNOTATION]: String(written.uncompressedSize),
      },
    },
    open: async (range) => written.blob.open(range),
  }
}
