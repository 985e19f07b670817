/**
 * Manifests and indexes, OCI's and Docker's: JSON from outside to checked values, once, here.
 *
 * Source: OCI image-spec v1.1 (manifest.md, image-index.md), Docker image manifest v2 schema 2.
 */
import { z } from 'zod'
import { HeadstartError } from '../system/errors.ts'
import { checkValue, type JsonSubject } from '../system/text/json.ts'
import { digestSchema, nullable, parseBounded } from './document.ts'
import {
  isConfigType,
  isIndexType,
  isLayerType,
  isManifestType,
  layerKind,
  OCI_INDEX,
  OCI_MANIFEST,
  unknownMediaType,
} from './media-types.ts'
import type { Descriptor, ImageConfig, Manifest } from './types.ts'

/** What the distribution spec asks registries to accept at least, and the most that we accept. */
export const MAX_MANIFEST_BYTES = 4 << 20
const platformSchema = z
  .object({
    os: z.string(),
    architecture: z.string(),
    variant: nullable(z.string()).transform((value) => value || undefined),
    'os.version': nullable(z.string()).transform((value) => value || undefined),
  })
  .transform(({ 'os.version': osVersion, ...rest }) => ({ ...rest, ...(osVersion && { osVersion }) }))

export const descriptorSchema = z.object({
  mediaType: z.string(),
  digest: digestSchema,
  size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  annotations: nullable(z.record(z.string(), z.string())),
  platform: nullable(platformSchema),
  urls: nullable(z.array(z.string())),
}) satisfies z.ZodType<Descriptor>

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).max(10_000),
  annotations: nullable(z.record(z.string(), z.string())),
})

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: z.array(descriptorSchema).max(10_000),
})

export type ParsedManifest =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly mediaType: string; readonly manifests: readonly Descriptor[] }

/**
 * @param bytes the manifest as stored
 * @param mediaType what the descriptor or the registry's header says; the document's own, if it has one, must agree
 * @param where for the error, e.g. the reference
 * @throws HeadstartError E_MANIFEST, E_MEDIA_TYPE, E_TOO_LARGE
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType: string | undefined,
  where: string,
): ParsedManifest {
  const subject = manifestSubject(where)
  const value = parseBounded(bytes, MAX_MANIFEST_BYTES, subject)
  const type = typeOf(value, mediaType, where)
  if (isIndexType(type)) {
    const { manifests } = checkValue(value, indexSchema, { ...subject, what: `the index ${where}` })
    return { kind: 'index', mediaType: type, manifests }
  }
  if (!isManifestType(type)) throw unknownMediaType(where, type)
  const manifest = checkValue(value, manifestSchema, subject)
  if (!isConfigType(manifest.config.mediaType))
    throw unknownMediaType(`the config of ${where}`, manifest.config.mediaType)
  for (const layer of manifest.layers) layerKind(layer.mediaType)
  const { config, layers, annotations } = manifest
  return { kind: 'manifest', manifest: { mediaType: type, config, layers, annotations } }
}

/**
 * What a manifest of any kind (attestations and other artifacts too) refers to: its config, then its layers. For copying, which
 * doesn't have to understand them.
 * @throws HeadstartError E_MANIFEST, E_TOO_LARGE
 */
export function referencedBlobs(bytes: Uint8Array, where: string): readonly Descriptor[] {
  const subject = manifestSubject(where)
  const value = parseBounded(bytes, MAX_MANIFEST_BYTES, subject)
  const { config, layers } = checkValue(value, manifestSchema, subject)
  return [config, ...layers]
}

const manifestSubject = (where: string): JsonSubject => ({
  code: 'E_MANIFEST',
  what: `the manifest of ${where}`,
})

const factsSchema = z.object({
  config: z.object({ mediaType: z.string() }),
  layers: z.array(z.object({ mediaType: z.string() })),
  subject: nullable(z.object({ digest: z.string() })),
})

/** Whether a manifest of any kind is an image that can run, and the subject it refers to. */
export function manifestFacts(bytes: Uint8Array): { isImage: boolean; subject: string | undefined } {
  const value = parseBounded(bytes, MAX_MANIFEST_BYTES, { code: 'E_MANIFEST', what: 'a manifest' })
  const facts = factsSchema.safeParse(value).data
  if (facts === undefined) return { isImage: false, subject: undefined }
  const { config, layers, subject } = facts
  const isImage = isConfigType(config.mediaType) && layers.every(({ mediaType }) => isLayerType(mediaType))
  return { isImage, subject: subject?.digest }
}

/** An OCI document may lack a media type; then its descriptor's applies, and failing that its shape decides. */
function typeOf(value: unknown, given: string | undefined, where: string): string {
  const header = z
    .object({
      schemaVersion: z.unknown(),
      mediaType: z.unknown(),
      manifests: z.unknown(),
      layers: z.unknown(),
    })
    .partial()
    .safeParse(value)
  const own = typeof header.data?.mediaType === 'string' ? header.data.mediaType : undefined
  if (header.data?.schemaVersion === 1)
    throw unknownMediaType(where, own ?? 'application/vnd.docker.distribution.manifest.v1+json')
  if (given !== undefined && own !== undefined && given !== own && isKnown(given))
    throw new HeadstartError(
      'E_MANIFEST',
      `${where} has the media type ${own.slice(0, 200)}; its descriptor says ${given}`,
    )
  if (header.data?.manifests !== undefined && header.data.layers !== undefined)
    throw new HeadstartError('E_MANIFEST', `${where} holds both manifests and layers`)
  const type = own ?? (given !== undefined && isKnown(given) ? given : undefined)
  return type ?? (header.data?.manifests !== undefined ? OCI_INDEX : OCI_MANIFEST)
}

const isKnown = (type: string): boolean => isIndexType(type) || isManifestType(type)

/** @throws HeadstartError E_MANIFEST: config and manifest have different numbers of layers */
export function checkLayerCount(manifest: Manifest, config: ImageConfig, where: string): void {
  if (manifest.layers.length === config.diffIds.length) return
  throw new HeadstartError(
    'E_MANIFEST',
    `${where} has ${manifest.layers.length} layers; its config names ${config.diffIds.length}`,
  )
}
