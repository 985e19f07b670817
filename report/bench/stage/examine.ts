/** What an image is made of: where the zones of its layers are, and what the measurement file says about it. */

import type { EstargzEntry, EstargzLayer } from '../../../image/estargz/read/reader.ts'
import { isInZone, zoneFilesOf } from '../../../image/estargz/read/zone.ts'
import { openIfReadable } from '../../../image/layers/estargz.ts'
import { LAYER_DIGEST_ANNOTATION } from '../../../image/layers/external-toc.ts'
import { formatPlatform } from '../../../image/platform.ts'
import { mergeLayers } from '../../../image/rootfs/merge-layers.ts'
import type { Digest, Image } from '../../../image/types.ts'
import { textOf } from '../../../system/text/byte-path.ts'
import type { BenchFile, BenchImage } from '../file.ts'
import type { LayerOffsets } from '../link/requests.ts'

export interface ExaminedImage {
  /** base layer first */
  readonly layers: readonly LayerOffsets[]
  /** for the measurement file */
  readonly facts: BenchImage
}

export interface ExamineOptions {
  /** also lists every visible file, if all layers are eStargz */
  readonly listFiles: boolean
  /** the image with the tables of contents, and the tag that it is served under */
  readonly tocs?: { readonly image: Image; readonly tag: string } | undefined
  readonly signal?: AbortSignal
}

export async function examineImage(
  image: Image,
  { listFiles, tocs, signal }: ExamineOptions,
): Promise<ExaminedImage> {
  const opened = await Promise.all(image.layers.map((layer) => openIfReadable(layer, signal)))
  const estargz = opened.filter((layer) => layer !== undefined)
  return {
    layers: image.layers.map(({ descriptor: { digest, size } }, index) => ({
      digest,
      size,
      zoneEnd: opened[index]?.zoneEnd ?? 0,
      tocOffset: opened[index]?.tocOffset ?? size,
      ...(tocs && { tocPaths: tocPathsOf(tocs, digest) }),
    })),
    facts: {
      reference: image.reference,
      digest: image.descriptor.digest,
      platform: formatPlatform(image.config.platform),
      diffIds: [...image.config.diffIds],
      layers: image.layers.map(({ descriptor }, index) => ({
        digest: descriptor.digest,
        mediaType: descriptor.mediaType,
        size: descriptor.size,
        ...layerFacts(opened[index]),
      })),
      ...(listFiles && estargz.length === opened.length && { files: filesOf(estargz) }),
    },
  }
}

function tocPathsOf({ image, tag }: NonNullable<ExamineOptions['tocs']>, layer: Digest): string[] {
  const own = image.manifest.layers.filter(
    ({ annotations }) => annotations?.[LAYER_DIGEST_ANNOTATION] === layer,
  )
  return [tag, image.descriptor.digest]
    .map((name) => `/manifests/${name}`)
    .concat(own.map(({ digest }) => `/blobs/${digest}`))
}

const layerFacts = (layer: EstargzLayer | undefined) => ({
  estargz: layer !== undefined,
  zoneBytes: layer?.zoneEnd ?? 0,
  zoneFiles: layer ? zoneFilesOf(layer).zoneFiles : 0,
  tocBytes: layer?.tocBytes ?? 0,
})

function filesOf(layers: readonly EstargzLayer[]): BenchFile[] {
  const packed = layers.map(packedSizes)
  return [...mergeLayers(layers.map(({ entries }) => entries)).entries].flatMap(
    ([path, { layer: index, entry }]): BenchFile[] => {
      const layer = layers[index]
      if (entry.type !== 'reg' || !layer) return []
      return [[textOf(path), index, entry.size, packed[index]?.(entry) ?? 0, ...zoneOf(entry, layer)]]
    },
  )
}

function zoneOf(entry: EstargzEntry, layer: EstargzLayer): [0 | 1] | [2, ahead: number] {
  if (isInZone(entry, layer)) return [1]
  const ahead = entry.ahead.reduce((sum, { size }) => sum + size, 0)
  return ahead > 0 ? [2, ahead] : [0]
}

/** What compression adds to bytes that it can't make fewer: a member's frame, and a little for each of its blocks. */
const atMost = (bytes: number): number => bytes + bytes / 1024 + 64

/**
 * Compressed bytes of a file. Files in one member share its bytes in proportion to their size. A table of contents says where a chunk
 * begins, not where it ends: the headers that follow a file, of a thousand folders perhaps, are not counted as its own.
 */
function packedSizes({ entries }: EstargzLayer): (entry: EstargzEntry) => number {
  const inMember = new Map<number, number>()
  for (const { chunks } of entries)
    for (const { offset, size } of chunks) inMember.set(offset, (inMember.get(offset) ?? 0) + size)
  return ({ chunks }) =>
    Math.round(
      chunks.reduce((sum, { offset, end, size }) => {
        const bytes = inMember.get(offset) ?? size
        return sum + (Math.min(end - offset, atMost(bytes)) * size) / Math.max(1, bytes)
      }, 0),
    )
}
