/**
 * Brings a layer to where it can be planned: its entries known, and, if it has to be written anew, unpacked and compressed. A layer
 * that is eStargz already needs its table of contents only.
 */
import type { EstargzEntry } from '../../image/estargz/format/entries.ts'
import { TOC_DIGEST_ANNOTATION } from '../../image/estargz/format/toc.ts'
import type { EstargzLayer } from '../../image/estargz/read/reader.ts'
import { hardlinkFaults } from '../../image/estargz/verify/hardlinks.ts'
import { openIfEstargz } from '../../image/estargz-layer.ts'
import { isElsewhere } from '../../image/media-types.ts'
import { readLayerEntries } from '../../image/rootfs/image-tree.ts'
import type { EntryFacts } from '../../image/tar/entry.ts'
import type { Layer } from '../../image/types.ts'
import { type BytePath, textOf } from '../../system/byte-path.ts'
import type { StoredChunk } from '../plan/cost.ts'
import type { PlanEntry, PlanLayer } from '../plan/plan.ts'
import { type SpoolOptions, spoolTar } from '../spool/from-tar.ts'
import {
  digestOfFile,
  type LayerFiles,
  type SpooledEntry,
  type SpooledLayer,
} from '../spool/spooled-layer.ts'
import { type GivenFormat, otherFormat } from './reuse.ts'

/** Any layer's entry, as far as planning goes. */
export interface AnyEntry extends PlanEntry {
  readonly linkPath?: BytePath | undefined
  readonly digest?: string | undefined
}

export type Prepared =
  | {
      readonly kind: 'spooled'
      readonly layer: SpooledLayer
      readonly entries: readonly SpooledEntry[]
      /** of a layer that is eStargz already: why it is converted anew, for people */
      readonly why?: string | undefined
    }
  | { readonly kind: 'estargz'; readonly layer: EstargzLayer; readonly entries: readonly EstargzEntry[] }
  /** not to be touched */
  | { readonly kind: 'kept'; readonly entries: readonly AnyEntry[] }

export interface PrepareOptions extends SpoolOptions {
  readonly signal: AbortSignal
  /** false: the layer stays as it is */
  readonly mayChange: boolean
  /** what a person asked for by name: a layer that has something else is converted anew */
  readonly given: GivenFormat
  files(): Promise<LayerFiles>
}

export async function prepareLayer(source: Layer, options: PrepareOptions): Promise<Prepared> {
  const { signal, mayChange } = options
  if (isElsewhere(source.descriptor)) return { kind: 'kept', entries: [] }
  const estargz = await openIfVouched(source, signal)
  if (estargz && !mayChange) return { kind: 'kept', entries: estargz.entries }
  if (!mayChange) return { kind: 'kept', entries: await readLayerEntries(source, plannedOf, signal) }
  const why = estargz && (lostLink(estargz) ?? (await otherFormat(source, estargz, options)))
  if (estargz && why === undefined) return { kind: 'estargz', layer: estargz, entries: estargz.entries }
  // First: a stream whose error comes while nobody listens ends the process.
  const files = await options.files()
  const where = `layer ${source.descriptor.digest}`
  const layer = await spoolTar(await source.open(undefined, signal), files, options, where)
  return { kind: 'spooled', layer, entries: layer.entries, why }
}

/**
 * Only a layer whose manifest vouches for its table of contents is taken at its word. (zstd:chunked and external tables of contents carry
 * the annotation too, and are none.)
 */
const openIfVouched = async (source: Layer, signal: AbortSignal): Promise<EstargzLayer | undefined> =>
  source.descriptor.annotations?.[TOC_DIGEST_ANNOTATION] === undefined
    ? undefined
    : openIfEstargz(source, signal)

/** Such a layer is written anew, from what its tar means. */
function lostLink({ entries }: EstargzLayer): string | undefined {
  const [fault] = hardlinkFaults(entries)
  return fault && `${JSON.stringify(textOf(fault.path))} ${fault.message}`
}

const plannedOf = ({ path, type, size, linkPath }: EntryFacts): AnyEntry => ({ path, type, size, linkPath })

export function planLayerOf(
  prepared: Prepared,
  chunkSizeOf: SpoolOptions['chunkSizeOf'],
): PlanLayer<AnyEntry> {
  return {
    entries: prepared.entries,
    digestOf: (entry) =>
      prepared.kind === 'spooled' && isSpooled(entry) ? digestOfFile(prepared.layer, entry) : entry.digest,
    storedChunks: (entry) => {
      if (prepared.kind === 'spooled' && isSpooled(entry))
        return spooledChunks(prepared.layer, entry, chunkSizeOf(entry))
      return isEstargz(entry)
        ? entry.chunks.map(({ fileOffset, size, offset, end }) => ({
            fileOffset,
            size,
            stored: end - offset,
          }))
        : []
    },
  }
}

const isSpooled = (entry: AnyEntry): entry is SpooledEntry => 'content' in entry
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
