/**
 * Reads a layer as far as planning needs it: its entries known, and, if it has to be converted, unpacked and compressed. Of a layer
 * that is eStargz already the table of contents is enough.
 */

import type { EstargzEntry } from '../../image/estargz/format/entry.ts'
import { FORMATS, type FormatName } from '../../image/estargz/format/formats.ts'
import type { EstargzLayer } from '../../image/estargz/read/reader.ts'
import { hardlinkFaults } from '../../image/estargz/verify/hardlinks.ts'
import { isVouched, openIfReadable } from '../../image/layers/estargz.ts'
import { isElsewhere } from '../../image/media-types.ts'
import { readLayerEntries } from '../../image/rootfs/image-tree.ts'
import type { EntryFacts } from '../../image/tar/entry.ts'
import type { Layer } from '../../image/types.ts'
import { type BytePath, textOf } from '../../system/text/byte-path.ts'
import type { KnownEntry } from '../known/record.ts'
import type { StoredChunk } from '../plan/cost.ts'
import type { PlanEntry, PlanLayer } from '../plan/layer.ts'
import { spoolTar } from '../spool/from-tar.ts'
import {
  digestOfFile,
  type LayerFiles,
  type SpooledEntry,
  type SpooledLayer,
} from '../spool/spooled-layer.ts'
import type { SpoolOptions } from '../spool/tar-compressor.ts'
import { spoolWholeTar } from '../spool/whole-tar.ts'
import { type GivenFormat, otherFormat } from './reuse.ts'

/** Any layer's entry, as far as planning goes. */
export interface AnyEntry extends PlanEntry {
  readonly linkPath?: BytePath | undefined
  readonly digest?: string | undefined
}

/** A layer as it is known before the plan is made. */
export type LayerRead = SpooledRead | EstargzRead | KeptRead | KnownRead

interface Flawed {
  /** of an eStargz layer: why it can't stay one as it is, a clause for people */
  readonly flaw?: string | undefined
}

export interface SpooledRead extends Flawed {
  readonly kind: 'spooled'
  readonly layer: SpooledLayer
  readonly entries: readonly SpooledEntry[]
  /** where it lies; the caller removes them */
  readonly files: LayerFiles
  /** What it has depends on the layers below, too. */
  readonly isRelinked?: boolean
}

export interface EstargzRead extends Flawed {
  readonly kind: 'estargz'
  readonly layer: EstargzLayer
  readonly entries: readonly EstargzEntry[]
  /** why its table of contents can't stay where it is, a clause for people */
  readonly misplaced?: string | undefined
  /** It may not be put into another order, since its diffID is to stay. */
  readonly staysWhole?: boolean
}

/** It may not be changed. */
export interface KeptRead {
  readonly kind: 'kept'
  readonly why: string
  readonly entries: readonly AnyEntry[]
  /** its table of contents is in a separate image */
  readonly hasExternalToc?: boolean
  /** of a layer that can be read lazily: of table of contents and footer */
  readonly tocBytes?: number
}

/** It was not read: an earlier rebuild remembered what that gave. */
export interface KnownRead extends Flawed {
  readonly kind: 'known'
  readonly entries: readonly KnownEntry[]
}

export interface ReadOptions extends SpoolOptions {
  readonly signal: AbortSignal
  /** false: the layer stays as it is */
  readonly mayChange: boolean
  /** what comes out */
  readonly format: FormatName
  /** what a person asked for by name: a layer that has another format is converted */
  readonly given: GivenFormat
  /** It has to unpack to the bytes it unpacks to now. */
  readonly keepDiffId: boolean
  openFiles(): Promise<LayerFiles>
  /** @returns the layer's entries, if they are remembered */
  recall(): Promise<readonly KnownEntry[] | undefined>
}

export async function readLayer(source: Layer, options: ReadOptions): Promise<LayerRead> {
  const { signal, mayChange } = options
  if (isElsewhere(source.descriptor))
    return { kind: 'kept', why: 'its blob is not stored with the image', entries: [] }
  const estargz = await openIfVouched(source, signal)
  if (!mayChange) {
    const entries = estargz?.entries ?? (await readLayerEntries(source, plannedOf, signal))
    const hasExternalToc = estargz?.tocPlace === 'external'
    const why = 'it is not among the layers to work on'
    return { kind: 'kept', why, entries, hasExternalToc, ...(estargz && { tocBytes: estargz.tocBytes }) }
  }
  const { keepDiffId } = options
  const misplaced = estargz && (otherPlace(estargz, options) ?? otherReaders(source, options))
  const flaw =
    estargz &&
    (lostLink(estargz) ??
      otherCodec(estargz, options) ??
      (await otherFormat(source, estargz, options)) ??
      (keepDiffId ? misplaced : undefined))
  if (estargz && flaw === undefined)
    return { kind: 'estargz', layer: estargz, entries: estargz.entries, misplaced, staysWhole: keepDiffId }
  const known = estargz ? undefined : await options.recall()
  if (known) return { kind: 'known', entries: known }
  // First: an error of a stream without a listener would end the process.
  const files = await options.openFiles()
  const where = `layer ${source.descriptor.digest}`
  const layer = await spoolerOf(options)(await source.open(undefined, signal), files, options, where)
  return { kind: 'spooled', layer, entries: layer.entries, files, flaw }
}

export const spoolerOf = ({ keepDiffId }: Pick<ReadOptions, 'keepDiffId'>): typeof spoolTar =>
  keepDiffId ? spoolWholeTar : spoolTar

/** A table of contents is believed only where the manifest has its digest. */
const openIfVouched = async (source: Layer, signal: AbortSignal): Promise<EstargzLayer | undefined> =>
  isVouched(source) ? openIfReadable(source, signal) : undefined

function otherPlace({ tocPlace }: EstargzLayer, { format }: ReadOptions): string | undefined {
  if (tocPlace === FORMATS[format].tocPlace) return undefined
  return `its table of contents is ${tocPlace === 'external' ? 'in a separate image' : 'in the layer'}`
}

/** Layers of zstd:chunked have the same bytes for all readers, but not the same annotations. */
function otherReaders({ descriptor }: Layer, { format }: ReadOptions): string | undefined {
  const isKnown = descriptor.annotations?.[FORMATS[format].knownBy] !== undefined
  return isKnown ? undefined : 'the manifest describes it for other runtimes'
}

function otherCodec({ codec }: EstargzLayer, { format }: ReadOptions): string | undefined {
  if (codec === FORMATS[format].codec) return undefined
  return `it is ${codec === 'gzip' ? 'eStargz' : 'zstd:chunked'}, not ${format}`
}

/** Such a layer is converted, from what its tar means. */
function lostLink({ entries }: EstargzLayer): string | undefined {
  const [fault] = hardlinkFaults(entries)
  return fault && `${JSON.stringify(textOf(fault.path))} ${fault.message}`
}

const plannedOf = ({ path, type, size, linkPath }: EntryFacts): AnyEntry => ({ path, type, size, linkPath })

export function planLayerOf(
  read: LayerRead,
  chunkSizeOf: SpoolOptions['chunkSizeOf'],
  isShared: boolean,
): PlanLayer<AnyEntry> {
  return {
    entries: read.entries,
    isShared,
    digestOf: (entry) =>
      read.kind === 'spooled' && isSpooled(entry) ? digestOfFile(read.layer, entry) : entry.digest,
    storedChunks: (entry) => {
      if (read.kind === 'spooled' && isSpooled(entry))
        return spooledChunks(read.layer, entry, chunkSizeOf(entry))
      if (isKnown(entry)) return knownChunks(entry, chunkSizeOf(entry))
      if (!isEstargz(entry)) return []
      return entry.chunks.map(({ fileOffset, size, offset, end }) => ({
        fileOffset,
        size,
        stored: end - offset,
      }))
    },
  }
}

const isSpooled = (entry: AnyEntry): entry is SpooledEntry => 'content' in entry
const isKnown = (entry: AnyEntry): entry is KnownEntry => 'stored' in entry
const isEstargz = (entry: AnyEntry): entry is EstargzEntry => 'chunks' in entry

/** Small files that share a member have no compressed size of their own; this is about what a file shrinks to. */
const TYPICAL_RATIO = 0.4

function spooledChunks(
  layer: SpooledLayer,
  { content, size }: SpooledEntry,
  chunkSize: number,
): StoredChunk[] {
  const chunks: StoredChunk[] = []
  for (let fileOffset = 0; fileOffset < size; fileOffset += chunkSize) {
    const length = Math.min(chunkSize, size - fileOffset)
    const start = content + fileOffset
    const stored = layer.cache.sizeOf(start, start + length) ?? Math.ceil(length * TYPICAL_RATIO)
    chunks.push({ fileOffset, size: length, stored })
  }
  return chunks
}

/** As they were when the layer was read, in chunks of the same size. */
const knownChunks = ({ size, stored }: KnownEntry, chunkSize: number): StoredChunk[] =>
  stored.map((bytes, index) => {
    const fileOffset = index * chunkSize
    return { fileOffset, size: Math.min(chunkSize, size - fileOffset), stored: bytes }
  })
