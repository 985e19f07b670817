/**
 * What `headstart inspect` shows: an image's layers, which of them are eStargz, and how much of each is in the prioritized zone. Only footers and
 * tables of contents are read, unless the entries of a plain layer are asked for.
 */

import { mapLimit } from '../system/map-limit.ts'
import { textOf } from '../system/text/byte-path.ts'
import { type EstargzEntry, rangesAhead } from './estargz/format/entry.ts'
import type { EstargzLayer } from './estargz/read/reader.ts'
import { isInZone, zoneFilesOf } from './estargz/read/zone.ts'
import { isVouched, openIfEstargz } from './layers/estargz.ts'
import { isForeign } from './media-types.ts'
import { readLayerEntries } from './rootfs/image-tree.ts'
import type { TarType } from './tar/entry.ts'
import type { Digest, Image, Layer, Platform } from './types.ts'

export interface InspectedImage {
  readonly reference: string
  readonly digest: Digest
  readonly mediaType: string
  readonly platform: Platform
  /** bytes of all layers as stored */
  readonly size: number
  readonly layers: readonly InspectedLayer[]
}

export interface InspectedLayer {
  readonly digest: Digest
  readonly diffId: Digest
  readonly mediaType: string
  /** bytes as stored */
  readonly size: number
  /** its bytes are elsewhere and were not inspected */
  readonly foreign: boolean
  readonly createdBy: string | undefined
  /** undefined: not eStargz */
  readonly estargz: InspectedEstargz | undefined
  /** in the layer's order, if they were asked for */
  readonly entries: readonly InspectedEntry[] | undefined
}

export interface InspectedEstargz {
  readonly tocDigest: Digest
  /** The manifest names the TOC's digest; without it a runtime pulls the layer whole. */
  readonly annotated: boolean
  /** bytes of table of contents and footer as stored: read before anything else */
  readonly tocBytes: number
  readonly tocPlace: EstargzLayer['tocPlace']
  readonly landmark: EstargzLayer['landmark']
  /** bytes of the prioritized zone; 0 without a prefetch landmark */
  readonly zoneBytes: number
  /** regular files whose content lies in the zone */
  readonly zoneFiles: number
  /** files that lie behind the zone, and of which ranges stand ahead */
  readonly splitFiles: number
  /** regular files in all */
  readonly files: number
}

export interface InspectedEntry {
  /** as text, see system/text/byte-path.ts */
  readonly path: string
  readonly type: TarType
  readonly size: number
  readonly mode: number
  /** of an eStargz: where its first chunk lies in the blob; undefined without content, and in plain layers */
  readonly offset: number | undefined
  readonly chunks: number
  readonly inZone: boolean
  /** bytes of the file that stand ahead of it, half-open; absent where it has none */
  readonly ahead?: readonly (readonly [start: number, end: number])[]
}

export interface InspectOptions {
  /** list the entries of each layer; a plain one is then read whole */
  readonly files?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Each takes two small requests, one after the other: what takes time is the way to the registry. */
const LAYERS_AT_ONCE = 4

/** @throws HeadstartError E_ESTARGZ, E_DIGEST, E_TAR, and what the source throws */
export async function inspectImage(image: Image, options: InspectOptions = {}): Promise<InspectedImage> {
  const created = image.config.history.filter(({ emptyLayer }) => !emptyLayer)
  const signal = options.signal ?? new AbortController().signal
  const layers = await mapLimit(image.layers, LAYERS_AT_ONCE, signal, (layer, place, either) =>
    inspectLayer(layer, created[place]?.createdBy, { ...options, signal: either }),
  )
  return {
    reference: image.reference,
    digest: image.descriptor.digest,
    mediaType: image.manifest.mediaType,
    platform: image.config.platform,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    layers,
  }
}

async function inspectLayer(
  layer: Layer,
  createdBy: string | undefined,
  { files, signal }: InspectOptions,
): Promise<InspectedLayer> {
  const { digest, mediaType, size } = layer.descriptor
  const foreign = isForeign(mediaType)
  const estargz = foreign ? undefined : await openIfEstargz(layer, signal)
  const wanted = files === true && !foreign
  return {
    digest,
    diffId: layer.diffId,
    mediaType,
    size,
    foreign,
    createdBy,
    estargz: estargz && summarize(estargz, layer),
    entries: !wanted
      ? undefined
      : estargz
        ? estargz.entries.map(entryIn(estargz))
        : await scanned(layer, signal),
  }
}

function summarize(estargz: EstargzLayer, layer: Layer): InspectedEstargz {
  return {
    tocDigest: estargz.tocDigest,
    annotated: isVouched(layer),
    tocBytes: estargz.tocBytes,
    tocPlace: estargz.tocPlace,
    landmark: estargz.landmark,
    zoneBytes: estargz.zoneEnd,
    ...zoneFilesOf(estargz),
    files: estargz.entries.filter(({ type }) => type === 'reg').length,
  }
}

function entryIn(estargz: EstargzLayer) {
  return (entry: EstargzEntry): InspectedEntry => ({
    path: textOf(entry.path),
    type: entry.type,
    size: entry.size,
    mode: entry.mode,
    offset: entry.chunks[0]?.offset,
    chunks: entry.chunks.length,
    inZone: isInZone(entry, estargz),
    ...aheadOf(entry),
  })
}

function aheadOf(entry: EstargzEntry): Pick<InspectedEntry, 'ahead'> {
  const ranges = rangesAhead(entry)
  return ranges.length > 0 ? { ahead: ranges } : {}
}

const scanned = (layer: Layer, signal: AbortSignal | undefined): Promise<InspectedEntry[]> =>
  readLayerEntries(
    layer,
    ({ path, type, size, mode }) => ({
      path: textOf(path),
      type,
      size,
      mode,
      offset: undefined,
      chunks: 0,
      inZone: false,
    }),
    signal,
  )
