/**
 * Artifacts about an image: a manifest that names its subject, and one blob of content. Made as the image-spec says, and read without trusting what
 * the list of referrers, the manifest and its descriptors say of each other.
 *
 * Source: OCI image-spec v1.1, manifest.md, "Guidelines for Artifact Usage".
 */
import { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'
import { readBounded } from '../../system/files/read-bounded.ts'
import { checkValue } from '../../system/text/json.ts'
import { bytesBlob } from '../blob.ts'
import { digestOf } from '../digest.ts'
import { nullable, parseBounded } from '../document.ts'
import { descriptorSchema, MAX_MANIFEST_BYTES } from '../manifest.ts'
import { OCI_MANIFEST } from '../media-types.ts'
import type { Blob, Descriptor, Digest, ImageSource, Referrer, ReferrerManifest } from '../types.ts'
import { EMPTY_TYPE } from './list.ts'

const EMPTY = Buffer.from('{}')

export interface Artifact extends ReferrerManifest {
  readonly blobs: readonly Blob[]
}

export interface ArtifactParts {
  readonly artifactType: string
  readonly subject: Descriptor
  readonly content: {
    readonly mediaType: string
    readonly bytes: Uint8Array
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly annotations: Readonly<Record<string, string>>
}

/** The same parts give the same bytes. */
export function makeArtifact({ artifactType, subject, content, annotations }: ArtifactParts): Artifact {
  const config = { mediaType: EMPTY_TYPE, digest: digestOf(EMPTY), size: EMPTY.length }
  const { bytes: stored, ...rest } = content
  const layer = { ...rest, digest: digestOf(stored), size: stored.length }
  const { mediaType, digest, size } = subject
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config,
    layers: [layer],
    subject: { mediaType, digest, size },
    annotations,
  }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const own = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length }
  return {
    bytes,
    subject: digest,
    referrer: { ...own, artifactType, annotations },
    blobs: [bytesBlob(config, EMPTY), bytesBlob(layer, stored)],
  }
}

const manifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  artifactType: nullable(z.string()),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).max(100),
  subject: descriptorSchema,
  annotations: nullable(z.record(z.string(), z.string())),
})

/** What an artifact must be, whatever was said of it where it was found. */
export interface Expected {
  readonly artifactType: string
  readonly subject: Digest
  /** bytes of the content as stored */
  readonly maxBytes: number
  /** for errors: `the profile` */
  readonly what: string
  readonly signal?: AbortSignal | undefined
}

export interface ReadArtifact {
  readonly annotations: Readonly<Record<string, string>>
  readonly content: { readonly mediaType: string; readonly bytes: Buffer }
}

/** @throws HeadstartError E_ARTIFACT: it is not what is expected; E_DIGEST, E_TOO_LARGE, and what the source throws */
export async function readArtifact(
  source: ImageSource,
  { mediaType, digest, size }: Referrer,
  expected: Expected,
): Promise<ReadArtifact> {
  const { signal, maxBytes } = expected
  const where = `${expected.what} ${digest} that is attached in ${source.name}`
  const refuse = (why: string) => new HeadstartError('E_ARTIFACT', `${where} is refused: ${why}`)
  if (mediaType !== OCI_MANIFEST) throw refuse(`it is listed as ${mediaType.slice(0, 200)}`)
  if (size > MAX_MANIFEST_BYTES) throw refuse(`its manifest claims to have ${size} bytes`)
  const stream = await source.blob({ mediaType, digest, size }).open(undefined, signal)
  const bytes = await readBounded(stream, size, `the manifest of ${where}`)
  const subject = { code: 'E_ARTIFACT', what: `the manifest of ${where}` } as const
  const manifest = checkValue(parseBounded(bytes, MAX_MANIFEST_BYTES, subject), manifestSchema, subject)
  const type = manifest.artifactType || manifest.config.mediaType
  if (type !== expected.artifactType) throw refuse(`its type is ${type.slice(0, 200)}`)
  if (manifest.subject.digest !== expected.subject)
    throw refuse(`its subject is another image, ${manifest.subject.digest}`)
  const [layer, ...more] = manifest.layers
  if (layer === undefined || more.length > 0) throw refuse(`it has ${manifest.layers.length} layers, not one`)
  if (layer.size > maxBytes) throw refuse(`it has ${layer.size} bytes; ${maxBytes} is the limit`)
  const content = await readBounded(await source.blob(layer).open(undefined, signal), layer.size, where)
  return { annotations: manifest.annotations ?? {}, content: { mediaType: layer.mediaType, bytes: content } }
}
