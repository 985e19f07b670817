/** What an image is made of, for the measurement file: layers, zones, and which file lies where. */

import type { EstargzEntry, EstargzLayer } from '../../../image/estargz/read/reader.ts'
import { openIfEstargz } from '../../../image/estargz-layer.ts'
import { formatPlatform } from '../../../image/platform.ts'
import { mergeLayers } from '../../../image/rootfs/merge-layers.ts'
import type { Image } from '../../../image/types.ts'
import { textOf } from '../../../system/byte-path.ts'
import type { BenchFile, BenchImage } from '../file.ts'

const isAhead = (entry: EstargzEntry, zoneEnd: number): boolean =>
  (entry.chunks[0]?.offset ?? zoneEnd) < zoneEnd

/** @param withFiles also lists every visible file, where all layers are eStargz */
export async function describeImage(
  image: Image,
  withFiles: boolean,
  signal?: AbortSignal,
): Promise<BenchImage> {
  const opened = await Promise.all(image.layers.map((layer) => openIfEstargz(layer, signal)))
  const layers = image.layers.map(({ descriptor }, index) => {
    const estargz = opened[index]
    return {
      digest: descriptor.digest,
      mediaType: descriptor.mediaType,
      size: descriptor.size,
      estargz: estargz !== undefined,
      zoneBytes: estargz?.zoneEnd ?? 0,
      zoneFiles: estargz?.entries.filter((entry) => isAhead(entry, estargz.zoneEnd)).length ?? 0,
      tocBytes: estargz?.tocBytes ?? 0,
    }
  })
  const all = opened.filter((layer) => layer !== undefined)
  return {
    reference: image.reference,
    digest: image.descriptor.digest,
    platform: formatPlatform(image.config.platform),
    layers,
    ...(withFiles && all.length === opened.length && { files: listFiles(all) }),
  }
}

function listFiles(layers: readonly EstargzLayer[]): BenchFile[] {
  const packed = layers.map(packedSizes)
  return [...mergeLayers(layers.map(({ entries }) => entries)).entries].flatMap(
    ([path, { layer, entry }]) => {
      if (entry.type !== 'reg') return []
      const ahead = isAhead(entry, layers[layer]?.zoneEnd ?? 0) ? 1 : 0
      return [[textOf(path), layer, entry.size, packed[layer]?.(entry) ?? 0, ahead] satisfies BenchFile]
    },
  )
}

/** Compressed bytes of a file. Those that share a member share its bytes by their size. */
function packedSizes({ entries }: EstargzLayer): (entry: EstargzEntry) => number {
  const inMember = new Map<number, number>()
  for (const { chunks } of entries)
    for (const { offset, size } of chunks) inMember.set(offset, (inMember.get(offset) ?? 0) + size)
  return ({ chunks }) =>
    Math.round(
      chunks.reduce(
        (sum, { offset, end, size }) =>
          sum + ((end - offset) * size) / Math.max(1, inMember.get(offset) ?? size),
        0,
      ),
    )
}
