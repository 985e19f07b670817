/**
 * Image in, eStargz image out: every layer read and compressed at once, the plan made over all of them, each layer written in its
 * new order and sent, config and manifest last.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesBlob } from '../image/copy.ts'
import { digestOf } from '../image/digest.ts'
import { HeadstartError } from '../image/errors.ts'
import type { EstargzEntry, EstargzLayer } from '../image/estargz/reader.ts'
import { TOC_DIGEST_ANNOTATION, UNCOMPRESSED_SIZE_ANNOTATION } from '../image/estargz/toc.ts'
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '../image/media-types.ts'
import type { Blob, Descriptor, Digest, Image, ImageTarget, Layer } from '../image/types.ts'
import { createWorkspace, type Workspace } from '../image/workspace.ts'
import { type ChunkSizes, chunkSizes } from './chunking.ts'
import { createPool, type Pool } from './compress/pool.ts'
import { chunkSizesOf, copyLayer } from './copy.ts'
import { ingestLayer, type LayerFiles } from './ingest.ts'
import type { SpooledLayer } from './layer.ts'
import { mapLimit } from './limit.ts'
import { resolveLinks } from './links.ts'
import { configWith, keptDescriptor, manifestWith } from './manifest.ts'
import { DEFAULT_OPTIONS, type OptimizeOptions } from './options.ts'
import { orderLayer } from './order.ts'
import { type LayerPlan, type Plan, planImage } from './plan.ts'
import { type Prepared, planLayerOf, prepareLayer } from './prepare.ts'
import { AppendFile } from './spool.ts'
import type { StartupFile } from './startup.ts'
import { type WrittenLayer, writeLayer } from './write.ts'

export interface RebuildRequest {
  readonly image: Image
  /** prepared by the caller */
  readonly target: ImageTarget
  /** in the order of the first access; empty: every layer gets `.no.prefetch.landmark` */
  readonly startup: readonly StartupFile[]
  readonly options?: Partial<OptimizeOptions> | undefined
  /** false for one image of an index; true unless told */
  readonly tagged?: boolean | undefined
  /** for spools: as large as the image unpacked; one is made, and removed, when none is given */
  readonly workspace?: Workspace | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined
}

export interface RebuildProgress {
  /** index, base first */
  readonly layer: number
  readonly layers: number
  readonly stage: 'read' | 'write' | 'send' | 'done'
  /** uncompressed bytes read; bytes of the blob when it is sent */
  readonly bytes: number
}

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

export interface RebuildSummary {
  readonly manifest: Descriptor
  readonly layers: readonly LayerSummary[]
  readonly plan: Plan
}

/** Two layers at once: while one waits for the disk or the network the other compresses. */
const LAYERS_AT_ONCE = 2

/**
 * @throws HeadstartError E_TAR, E_DIGEST, E_COMPRESSION, E_ESTARGZ, E_COVERAGE, and what source and target throw
 */
export async function rebuildImage(request: RebuildRequest): Promise<RebuildSummary> {
  const signal = request.signal ?? new AbortController().signal
  signal.throwIfAborted()
  const options = { ...DEFAULT_OPTIONS, ...request.options }
  await using own = request.workspace ? undefined : await createWorkspace()
  const workspace = request.workspace ?? own
  if (workspace === undefined) throw new Error('no workspace')
  await using pool = createPool({ threads: options.threads, signal })
  await using rebuild = new Rebuild(request, options, pool, await workspace.sub('optimize'), signal)
  return await rebuild.run()
}

interface Written {
  readonly diffId: Digest
  readonly summary: LayerSummary
}

class Rebuild implements AsyncDisposable {
  private readonly request: RebuildRequest
  private readonly options: OptimizeOptions
  private readonly pool: Pool
  private readonly folder: string
  private readonly signal: AbortSignal
  private readonly files = new Map<number, LayerFiles>()
  private readonly chunkSizeOf: ReturnType<typeof chunkSizes>

  constructor(
    request: RebuildRequest,
    options: OptimizeOptions,
    pool: Pool,
    folder: string,
    signal: AbortSignal,
  ) {
    this.request = request
    this.options = options
    this.pool = pool
    this.folder = folder
    this.signal = signal
    this.chunkSizeOf = chunkSizes(request.startup, options)
  }

  async run(): Promise<RebuildSummary> {
    const { image, startup } = this.request
    const { signal } = this
    const unlinked = await mapLimit(image.layers, LAYERS_AT_ONCE, signal, (layer, index, either) =>
      this.prepare(layer, index, either),
    )
    const prepared = await resolveLinks(unlinked, {
      sources: image.layers,
      spoolOf: (index) => this.openFiles(index).spool,
      signal,
    })
    const plan = planImage(
      prepared.map((layer) => planLayerOf(layer, this.chunkSizeOf)),
      startup,
      this.options,
    )
    checkCoverage(plan, startup.length, this.options.minCoverage)
    const layers = await mapLimit(image.layers, LAYERS_AT_ONCE, signal, async (layer, index, either) => {
      const [ready, layerPlan] = [prepared[index], plan.layers[index]]
      if (ready === undefined || layerPlan === undefined) throw new Error('a layer was lost')
      return this.write(layer, index, ready, layerPlan, either)
    })
    const manifest = await this.finish(layers)
    return { manifest, layers: layers.map(({ summary }) => summary), plan }
  }

  private progress(layer: number, stage: RebuildProgress['stage'], bytes: number): void {
    this.request.onProgress?.({ layer, layers: this.request.image.layers.length, stage, bytes })
  }

  private async prepare(layer: Layer, index: number, signal: AbortSignal): Promise<Prepared> {
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
        this.progress(index, 'read', bytes)
      },
    })
  }

  private async filesOf(index: number): Promise<LayerFiles> {
    const spool = await AppendFile.create(join(this.folder, `${index}.tar`))
    const members = await AppendFile.create(join(this.folder, `${index}.members`))
    const files = { spool, members }
    this.files.set(index, files)
    return files
  }

  private openFiles(index: number): LayerFiles {
    const files = this.files.get(index)
    if (files === undefined) throw new Error('a layer without files')
    return files
  }

  private async write(
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
      this.progress(index, 'read', bytes)
    }
    const options = { pool: this.pool, onBytes }
    const copied = await copyLayer(
      await source.open(undefined, signal),
      estargz,
      await this.filesOf(index),
      options,
    )
    if (copied)
      return this.writeSpooled(
        source,
        index,
        copied,
        plan,
        { how: 'reordered', chunkSizeOf: chunkSizesOf(estargz) },
        signal,
      )
    await this.remove(index)
    const { level, minChunkSize } = this.options
    const layer = await ingestLayer(
      await source.open(undefined, signal),
      await this.filesOf(index),
      { ...options, level, minChunkSize, chunkSizeOf: this.chunkSizeOf },
      `layer ${source.descriptor.digest}`,
    )
    return this.writeSpooled(
      source,
      index,
      layer,
      plan,
      { how: 'converted', chunkSizeOf: this.chunkSizeOf },
      signal,
    )
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
    this.progress(index, 'write', 0)
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
    this.progress(index, 'send', blob.descriptor.size)
    const sent = await this.request.target.putBlob(blob, signal)
    this.progress(index, 'done', blob.descriptor.size)
    return sent
  }

  private async finish(layers: readonly Written[]): Promise<Descriptor> {
    const { image, target, tagged } = this.request
    const config = configWith(
      image.rawConfig,
      layers.map(({ diffId }) => diffId),
    )
    const descriptor = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length }
    await target.putBlob(bytesBlob(descriptor, config), this.signal)
    const { digest, size } = descriptor
    const results = layers.map(({ summary }) => summary.result)
    const manifest = manifestWith(image.rawManifest, { digest, size }, results)
    this.signal.throwIfAborted()
    return target.putManifest(manifest, OCI_MANIFEST, { tagged: tagged ?? true })
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

function checkCoverage({ coverage, missing }: Plan, files: number, least: number | undefined): void {
  if (least === undefined || files === 0 || (coverage > 0 && coverage >= least)) return
  throw new HeadstartError(
    'E_COVERAGE',
    `the image has ${files - missing.length} of the ${files} files that the start read`,
    { hint: 'Record the start again, with this image: headstart profile' },
  )
}
