/** Config and manifest of the rebuilt image. What has no reason to change stays, byte for byte where it can. Pure. */
import { z } from 'zod'
import { HeadstartError } from '../image/errors.ts'
import {
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_TAR,
  OCI_CONFIG,
  OCI_LAYER_GZIP,
  OCI_LAYER_TAR,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
} from '../image/media-types.ts'
import type { Descriptor, Digest } from '../image/types.ts'

const DIFF_IDS = /"diff_ids"\s*:\s*\[[^\]]*\]/g

const configSchema = z.looseObject({ rootfs: z.looseObject({ diff_ids: z.array(z.string()) }) })
const manifestSchema = z.looseObject({ config: z.looseObject({}), layers: z.array(z.looseObject({})) })

/** The config with other diffIDs. Only their text is replaced, so that nothing is lost that a parser doesn't keep. */
export function configWith(raw: Uint8Array, diffIds: readonly Digest[]): Buffer {
  const text = Buffer.from(raw).toString('utf8')
  const config = configSchema.parse(JSON.parse(text))
  if (config.rootfs.diff_ids.length !== diffIds.length)
    throw new HeadstartError(
      'E_MANIFEST',
      `the config names ${config.rootfs.diff_ids.length} layers, the manifest ${diffIds.length}`,
    )
  const list = `"diff_ids":${JSON.stringify(diffIds)}`
  if (text.match(DIFF_IDS)?.length === 1) return Buffer.from(text.replace(DIFF_IDS, () => list))
  return Buffer.from(JSON.stringify({ ...config, rootfs: { ...config.rootfs, diff_ids: diffIds } }))
}

/** An OCI manifest, also of a Docker one: that carries no annotations on layers. Its own annotations stay. */
export function manifestWith(
  raw: Uint8Array,
  config: { readonly digest: Digest; readonly size: number },
  layers: readonly Descriptor[],
): Buffer {
  const manifest = manifestSchema.parse(JSON.parse(Buffer.from(raw).toString('utf8')))
  const { mediaType: _, data: __, ...configRest } = manifest.config
  return Buffer.from(
    JSON.stringify({
      ...manifest,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, ...configRest, ...config },
      layers: layers.map(({ mediaType, digest, size, annotations, urls }) => ({
        mediaType,
        digest,
        size,
        ...(urls?.length && { urls }),
        ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
      })),
    }),
  )
}

const TO_OCI: Readonly<Record<string, string>> = {
  [DOCKER_LAYER_GZIP]: OCI_LAYER_GZIP,
  [DOCKER_LAYER_TAR]: OCI_LAYER_TAR,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': OCI_LAYER_ZSTD,
}

/** The descriptor of a layer that stays, as an OCI manifest names it. */
export function keptDescriptor(descriptor: Descriptor): Descriptor {
  return { ...descriptor, mediaType: TO_OCI[descriptor.mediaType] ?? descriptor.mediaType }
}
