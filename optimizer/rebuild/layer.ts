/** Takes one layer through: read, written in its new order, sent; its files removed once they are no longer needed. */

import { FORMATS } from '../../image/estargz/format/formats.ts'
import { zoneFilesOf } from '../../image/estargz/read/zone.ts'
import type { Layer } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { Pool } from '../compress/pool.ts'
import type { KnownLayers } from '../known/known-layers.ts'
import { levelOf, type OptimizeOptions } from '../options.ts'
import type { ChunkSizes } from '../plan/chunking.ts'
import { orderLayer } from '../plan/order.ts'
import type { LayerMoves } from '../plan/plan.ts'
import { chunkSizesOf, spoolEstargz } from '../spool/from-estargz.ts'
import { type OpenLayerFiles, openLayerFiles } from '../spool/layer-files.ts'
import type { SpoolOptions } from '../spool/tar-compressor.ts'
import { chooseAction } from './choose-action.ts'
import { hotRangesOf } from './hot-ranges.ts'
import { blobOf } from './layer-blob.ts'
import type { LayerSummary, Stage, Written } from './layer-summary.ts'
import {
  type EstargzRead,
  type KnownRead,
  type LayerRead,
  readLayer,
  type SpooledRead,
  spoolerOf,
} from './read-layer.ts'
import { remembering, writtenBefore } from './remember.ts'
import { faultOf, type GivenFormat, minChunkSizeOf } from './reuse.ts'
import { type Destination, passOnToc, sendAsIs, sendBlob } from './send.ts'
import { type WriteOptions, writeLayer } from './write.ts'

/** What all layers of an image share. */
export interface LayerJobOptions {
  readonly options: OptimizeOptions
  /** what a person asked for by name */
  readonly given: GivenFormat
  readonly chunkSizeOf: ChunkSizes
  readonly pool: Pool
  /** what earlier rebuilds learned; undefined: nothing is to be remembered */
  readonly known: KnownLayers | undefined
  /** where its files go */
  readonly folder: string
  onProgress(layer: number, stage: Stage, bytes: number): void
}

/** How a spooled layer is written, and what is said about it. */
interface Writing {
  readonly how: 'converted' | 'reordered'
  readonly why?: string | undefined
  readonly format: Omit<WriteOptions, 'pool'>
}

export class LayerJob implements AsyncDisposable {
  private readonly source: Layer
  private readonly index: number
  private readonly shared: LayerJobOptions
  private readonly opened = new AsyncDisposableStack()

  /** @param index of the layer, base first */
  constructor(source: Layer, index: number, shared: LayerJobOptions) {
    this.source = source
    this.index = index
    this.shared = shared
  }

  async read(signal: AbortSignal): Promise<LayerRead> {
    return readLayer(this.source, {
      ...this.spoolOptions(signal),
      given: this.shared.given,
      format: this.shared.options.format,
      keepDiffId: this.shared.options.keepDiffId,
      signal,
      recall: async () => this.shared.known?.entriesOf(this.source),
      mayChange: this.shared.options.onlyLayers?.includes(this.index) ?? true,
      openFiles: () => this.openFiles(),
    })
  }

  /** @param read as `read` returned it, or with its links resolved */
  async write(read: LayerRead, moves: LayerMoves, to: Destination): Promise<Written> {
    const action = chooseAction(read, moves)
    switch (action.kind) {
      case 'keep': {
        const { entries, hasExternalToc = false, tocBytes } = action.read
        const isLost = hasExternalToc && to.tocs === undefined
        const facts = {
          entries: entries.length,
          zoneEntries: 0,
          zoneFiles: 0,
          splitFiles: 0,
          zoneBytes: 0,
          ...(tocBytes !== undefined && !isLost && { tocBytes }),
          ...(isLost && { notes: [LOST_TOC] }),
        }
        if (hasExternalToc) await passOnToc(this.source, to)
        return sendAsIs(this.source, { how: 'kept', ...facts }, to, this.onStage)
      }
      case 'reuse': {
        const fault = await faultOf(this.source, to.signal)
        if (fault !== undefined)
          return this.write({ ...action.read, flaw: `it is damaged: ${fault}` }, moves, to)
        const { zoneEntries, zoneEnd, tocPlace, tocBytes } = action.read.layer
        const entries = action.read.entries.length
        if (tocPlace === 'external') await passOnToc(this.source, to)
        const files = zoneFilesOf(action.read.layer)
        const facts = { entries, zoneEntries, zoneBytes: zoneEnd, tocBytes, ...files }
        return sendAsIs(this.source, { how: 'reused', ...facts }, to, this.onStage)
      }
      case 'reorder':
        return this.reorder(action.read, moves, to)
      case 'convert':
        return this.convert(action.read, moves, to)
      case 'recall':
        return (await this.recall(moves, to)) ?? this.convert(action.read, moves, to)
    }
  }

  /** Members are copied where they can be, else the layer is converted. */
  private async reorder(read: EstargzRead, moves: LayerMoves, to: Destination): Promise<Written> {
    const { layer: estargz } = read
    const files = await this.openFiles()
    const layer = await spoolEstargz(
      await this.source.open(undefined, to.signal),
      estargz,
      files,
      this.spoolOptions(to.signal),
    )
    if (layer === undefined) {
      await files[Symbol.asyncDispose]()
      return this.write({ ...read, flaw: 'it has members that can’t be copied' }, moves, to)
    }
    const { options } = this.shared
    const format = {
      name: options.format,
      level: levelOf(options),
      minChunkSize: minChunkSizeOf(estargz),
      chunkSizeOf: chunkSizesOf(estargz, this.shared.chunkSizeOf),
    }
    const spooled: SpooledRead = { kind: 'spooled', layer, entries: layer.entries, files }
    return this.writeSpooled(spooled, moves, { how: 'reordered', format }, to)
  }

  /** @returns undefined: the target doesn't have it, or it was never made with these moves */
  private async recall(moves: LayerMoves, { target, signal }: Destination): Promise<Written | undefined> {
    const made = await this.shared.known?.madeOf(this.source, moves)
    if (!made || !(await target.hasBlob?.(made.result, signal))) return undefined
    this.onStage('done', made.result.size)
    return writtenBefore(this.source.descriptor, made)
  }

  private async convert(
    read: SpooledRead | EstargzRead | KnownRead,
    moves: LayerMoves,
    to: Destination,
  ): Promise<Written> {
    const spooled = read.kind === 'spooled' ? read : await this.spoolTarOf(to.signal)
    const { options } = this.shared
    const { format: name, minChunkSize } = options
    const format = { name, level: levelOf(options), minChunkSize, chunkSizeOf: this.shared.chunkSizeOf }
    const remember = remembering(this.source, read, moves, this.shared)
    const written = await this.writeSpooled(spooled, moves, { how: 'converted', why: read.flaw, format }, to)
    await remember?.(written)
    return written
  }

  private async spoolTarOf(signal: AbortSignal): Promise<SpooledRead> {
    const files = await this.openFiles()
    const where = `layer ${this.source.descriptor.digest}`
    const stored = await this.source.open(undefined, signal)
    const layer = await spoolerOf(this.shared.options)(stored, files, this.spoolOptions(signal), where)
    return { kind: 'spooled', layer, entries: layer.entries, files }
  }

  private async writeSpooled(
    { layer, files }: SpooledRead,
    moves: LayerMoves,
    { how, why, format }: Writing,
    to: Destination,
  ): Promise<Written> {
    this.shared.onProgress(this.index, 'write', 0)
    const { tail } = layer
    const order = tail
      ? { zone: [], rest: layer.entries, tail }
      : orderLayer(layer.entries, moves.zone, moves.afterZone)
    const hot = hotRangesOf(order, moves.hot)
    const written = await writeLayer(layer, { ...order, hot }, files, { pool: this.shared.pool, ...format })
    if (tail && written.diffId !== this.source.diffId)
      throw new HeadstartError(
        'E_DIGEST',
        `layer ${this.source.descriptor.digest} unpacks to ${written.diffId}; the config says ${this.source.diffId}`,
      )
    to.signal.throwIfAborted()
    const blob = blobOf(this.source.descriptor, written, this.shared.options.format)
    const { existed } = await sendBlob(blob, to, this.onStage)
    if (written.externalToc) await to.tocs?.add(written.digest, written.externalToc, to.signal)
    await this[Symbol.asyncDispose]()
    const summary: LayerSummary = {
      source: this.source.descriptor,
      result: blob.descriptor,
      how,
      ...(why !== undefined && { why }),
      ...(layer.notes.length > 0 && { notes: layer.notes }),
      entries: layer.entries.length,
      zoneEntries: order.zone.length,
      zoneFiles: order.zone.filter(({ type, size }) => type === 'reg' && size > 0).length,
      splitFiles: hot.size,
      zoneBytes: written.zoneBytes,
      tocBytes: written.tocBytes,
      existed,
    }
    return { diffId: written.diffId, summary }
  }

  private readonly onStage = (stage: Stage, bytes: number): void =>
    this.shared.onProgress(this.index, stage, bytes)

  private spoolOptions(signal: AbortSignal): SpoolOptions {
    const { options, pool, chunkSizeOf, onProgress } = this.shared
    const onBytes = (bytes: number) => {
      signal.throwIfAborted()
      onProgress(this.index, 'read', bytes)
    }
    const { codec } = FORMATS[options.format]
    return { pool, codec, level: levelOf(options), minChunkSize: options.minChunkSize, chunkSizeOf, onBytes }
  }

  /** Opened before the stream that fills them: an error of a stream without a listener would end the process. */
  private async openFiles(): Promise<OpenLayerFiles> {
    const files = await openLayerFiles(this.shared.folder, String(this.index))
    return this.opened.use(files)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync()
  }
}

const LOST_TOC =
  'its table of contents is in a separate image and stays behind, so nodes pull the layer whole; use --format estargz+external-toc'
