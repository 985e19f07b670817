/** Images in memory from generated layers, and generated starts of them. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { digestOf } from '../../image/digest.ts'
import {
  OCI_CONFIG,
  OCI_LAYER_GZIP,
  OCI_LAYER_TAR,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
} from '../../image/media-types.ts'
import type { Image, Layer } from '../../image/types.ts'
import { SPLIT_MODES } from '../../optimizer/options.ts'
import type { StartupFile } from '../../optimizer/plan/startup.ts'
import { type BytePath, textOf } from '../../system/text/byte-path.ts'
import { NO_PROCESS } from '../support/images.ts'
import { layerOf } from './layers.ts'
import { read } from './support.ts'

/** As builders store layers. */
export function storedPlainly(tar: Buffer, storage: 'gzip' | 'zstd' | 'none'): Layer {
  const [bytes, mediaType] =
    storage === 'gzip'
      ? [gzipSync(tar), OCI_LAYER_GZIP]
      : storage === 'zstd'
        ? [zstdCompressSync(tar), OCI_LAYER_ZSTD]
        : [tar, OCI_LAYER_TAR]
  return layerOf(bytes, { digest: digestOf(bytes), diffId: digestOf(tar), mediaType })
}

export function imageOf(layers: readonly Layer[]): Image {
  const diffIds = layers.map(({ diffId }) => diffId)
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } }
  const rawConfig = Buffer.from(JSON.stringify(config))
  const manifest = {
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: digestOf(rawConfig), size: rawConfig.length },
    layers: layers.map(({ descriptor }) => descriptor),
  }
  const rawManifest = Buffer.from(JSON.stringify({ schemaVersion: 2, ...manifest }))
  return {
    reference: 'generated',
    descriptor: { mediaType: OCI_MANIFEST, digest: digestOf(rawManifest), size: rawManifest.length },
    manifest,
    rawManifest,
    config: { platform: { os: 'linux', architecture: 'amd64' }, process: NO_PROCESS, diffIds, history: [] },
    rawConfig,
    layers,
  }
}

const rangesAt = (places: readonly number[], size: number): [number, number][] =>
  [...new Set(places.map((at) => Math.floor(at * size)))].toSorted((a, b) => a - b).map((at) => [at, at + 1])

const share = fc.double({ min: 0, max: 1, noNaN: true })
/** Files are read whole, or in places; some of their ranges go ahead. */
export const starts = fc.record({
  reads: fc.array(
    fc.record({ pick: fc.nat(), all: fc.boolean(), places: fc.array(share, { minLength: 1, maxLength: 3 }) }),
    { maxLength: 5 },
  ),
  split: fc.constantFrom(...SPLIT_MODES),
})

export type GeneratedStart = typeof starts extends fc.Arbitrary<infer T> ? T : never

/** @param entries of the image, which the picks name by turns */
export const startupOf = (
  reads: GeneratedStart['reads'],
  entries: readonly { readonly path: BytePath; readonly size: number }[],
): StartupFile[] =>
  reads.flatMap(({ pick, all, places }) => {
    const entry = entries[pick % Math.max(1, entries.length)]
    if (entry === undefined) return []
    const { path, size } = entry
    return [read(textOf(path), { ranges: all ? [[0, size + 1]] : rangesAt(places, size), size })]
  })
