/** Config and manifest of the rebuilt image. What has no reason to change stays, byte for byte where it can. Pure. */
import { z } from 'zod'
import { digestOf, isDigest } from '../../image/digest.ts'
import { stillTrue } from '../../image/layers/annotations.ts'
import {
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_TAR,
  OCI_CONFIG,
  OCI_LAYER_GZIP,
  OCI_LAYER_TAR,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
} from '../../image/media-types.ts'
import type { Descriptor, Digest, Image } from '../../image/types.ts'
import { jsonIf } from '../../system/text/json.ts'

/** Of any case, as Go's decoder reads keys. */
const DIFF_IDS = /"diff_ids"\s*:\s*(?:\[[^\]]*\]|null)/gi

const configSchema = z.looseObject({})
const manifestSchema = z.looseObject({
  config: z.looseObject({}),
  layers: z.array(z.looseObject({})),
  annotations: z.record(z.string(), z.string()).nullish(),
})

/** The config with other diffIDs; with the same ones it stays. Only their text is replaced, so that nothing is lost that a parser doesn't keep. */
export function configWith(raw: Uint8Array, diffIds: readonly Digest[]): Buffer {
  const text = Buffer.from(raw).toString('utf8')
  const list = `"diff_ids":${JSON.stringify(diffIds)}`
  const config = configSchema.parse(JSON.parse(text))
  if (hasDiffIds(config, diffIds)) return Buffer.from(raw)
  if (text.match(DIFF_IDS)?.length === 1) {
    const replaced = text.replace(DIFF_IDS, () => list)
    // The one that was found may be another key's, where the right one is written with escapes.
    if (hasDiffIds(configSchema.parse(JSON.parse(replaced)), diffIds)) return Buffer.from(replaced)
  }
  const rest = Object.entries(config).filter(([key]) => key.toLowerCase() !== 'rootfs')
  return Buffer.from(
    JSON.stringify({ ...Object.fromEntries(rest), rootfs: { type: 'layers', diff_ids: diffIds } }),
  )
}

/** Keys of any case, as Go's decoder reads them. */
function hasDiffIds(config: object, diffIds: readonly Digest[]): boolean {
  const [rootfs] = valuesOf(config, 'rootfs')
  const [found, ...others] = typeof rootfs === 'object' && rootfs ? valuesOf(rootfs, 'diff_ids') : []
  return others.length === 0 && JSON.stringify(found) === JSON.stringify(diffIds)
}

const valuesOf = (object: object, key: string): unknown[] =>
  Object.entries(object).flatMap(([name, value]) => (name.toLowerCase() === key ? [value] : []))

/** @returns a line if the history describes another number of layers than there are: which it means can't be known */
export function historyNote({ config, layers }: Image): string[] {
  const filled = config.history.filter(({ emptyLayer }) => !emptyLayer).length
  if (config.history.length === 0 || filled === layers.length) return []
  const more = filled > layers.length ? ', which Docker refuses' : ''
  return [
    `the history in the config describes ${filled} layers, the image has ${layers.length}${more}; it was left unchanged`,
  ]
}

/** @param what was rebuilt */
export const subjectNote = (what: 'the manifest' | 'the index'): string =>
  `the subject of ${what} is left out: it belonged to the original, and may not exist at the target`

/**
 * An OCI manifest, also of a Docker one: that carries no annotations on layers. What is not of the old bytes stays.
 * @param layers where the digest is the one that was there, the layer stays as it was named
 */
export function manifestWith(
  raw: Uint8Array,
  config: { readonly digest: Digest; readonly size: number },
  layers: readonly Descriptor[],
): { bytes: Buffer; notes: string[] } {
  const manifest = manifestSchema.parse(JSON.parse(Buffer.from(raw).toString('utf8')))
  const { subject, annotations, ...rest } = manifest
  const document = {
    ...rest,
    mediaType: OCI_MANIFEST,
    config: { ...withoutBytes(manifest.config), mediaType: OCI_CONFIG, ...config },
    layers: layers.map((layer, place) => layerWith(manifest.layers[place] ?? {}, layer)),
    ...(annotations && { annotations: stillTrue(annotations) }),
  }
  const isOfSubject = subject !== undefined && subject !== null
  return {
    bytes: withSource(document, raw),
    notes: isOfSubject ? [subjectNote('the manifest')] : [],
  }
}

/** Of a manifest or index that was made from another one: the digest of that. What is made again from ours keeps the first one's. */
const SOURCE_ANNOTATION = 'vnd.headstart.source.digest'

const annotatedSchema = z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() })

/** What a manifest or index says that it was made from; undefined: nothing, or it isn't one of ours. */
export function sourceNamedIn(raw: Uint8Array): Digest | undefined {
  const named = jsonIf(Buffer.from(raw).toString('utf8'), annotatedSchema)?.annotations?.[SOURCE_ANNOTATION]
  return named !== undefined && isDigest(named) ? named : undefined
}

/** The document, and which one it was made from; not where it is the same, byte for byte. */
export function withSource(
  document: { readonly annotations?: Readonly<Record<string, string>> | null | undefined },
  raw: Uint8Array,
): Buffer {
  const bytes = Buffer.from(JSON.stringify(document))
  if (bytes.equals(raw)) return bytes
  const annotations = { [SOURCE_ANNOTATION]: digestOf(raw), ...document.annotations }
  return Buffer.from(JSON.stringify({ ...document, annotations }))
}

const subjectSchema = z.looseObject({ subject: z.looseObject({ digest: z.unknown() }).nullish() })

/** An artifact's manifest about `instead`; as it was where it doesn't name `about` as its subject. */
export function withSubject(raw: Buffer, about: string, instead: Descriptor): Buffer {
  const manifest = subjectSchema.parse(JSON.parse(raw.toString('utf8')))
  if (manifest.subject?.digest !== about) return raw
  const { mediaType, digest, size } = instead
  return Buffer.from(JSON.stringify({ ...manifest, subject: { mediaType, digest, size } }))
}

function layerWith(raw: object & { digest?: unknown; annotations?: unknown }, layer: Descriptor): object {
  const { mediaType, digest, size, annotations } = layer
  const named = annotations && Object.keys(annotations).length > 0 ? { annotations } : undefined
  const { annotations: _, ...rest } = raw.digest === digest ? raw : withoutBytes(raw)
  return { ...rest, mediaType, digest, size, ...named }
}

/** Inline bytes, and places where they are, are those of the old blob. */
function withoutBytes(descriptor: object & { data?: unknown; urls?: unknown; annotations?: unknown }) {
  const { data: _, urls: __, ...rest } = descriptor
  return rest
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
