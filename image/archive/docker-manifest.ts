/** The `manifest.json` of `docker save` archives: which image is meant, and a manifest for it, since Docker stores none. */
import { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'
import { parseJson } from '../../system/text/json.ts'
import { compressionOf } from '../compression/decompress.ts'
import { MAX_CONFIG_BYTES, parseConfig } from '../config.ts'
import { digestOf, hashStream } from '../digest.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_LAYER_TAR, OCI_LAYER_ZSTD, OCI_MANIFEST } from '../media-types.ts'
import { formatReference, parseReference, type Reference } from '../reference.ts'
import type { Descriptor, Digest } from '../types.ts'
import type { Archive, ArchiveContent } from './archive.ts'
import { type ArchiveEntry, archiveError } from './entries.ts'

const documentSchema = z
  .array(
    z.object({
      Config: z.string(),
      RepoTags: z
        .array(z.string())
        .nullish()
        .transform((tags) => tags ?? []),
      Layers: z
        .array(z.string())
        .max(10_000)
        .nullish()
        .transform((layers) => layers ?? []),
    }),
  )
  .max(10_000)

export interface DockerManifest {
  readonly config: string
  readonly configHex: string
  /** paths in the archive, base first */
  readonly layers: readonly string[]
}

/** @throws HeadstartError E_IMAGE_NOT_FOUND, E_ARCHIVE */
export async function selectDockerImage(
  archive: Archive,
  reference: Reference | undefined,
  name: string,
): Promise<DockerManifest> {
  const document = await archive.small('manifest.json', MAX_MANIFEST_BYTES)
  const subject = { code: 'E_ARCHIVE', what: `the manifest.json of ${name}` } as const
  const images = parseJson(document.toString(), documentSchema, subject)
  const wanted = reference && formatReference(reference)
  const found = wanted
    ? images.find(({ RepoTags }) => RepoTags.some((tag) => normalised(tag) === wanted))
    : images.length === 1
      ? images[0]
      : undefined
  if (found) {
    const configHex = /[0-9a-f]{64}/.exec(found.Config)?.[0] ?? ''
    return { config: found.Config, configHex, layers: found.Layers }
  }
  const tags = images.flatMap(({ RepoTags }) => RepoTags).slice(0, 20)
  const hint = tags.length > 0 ? `It has ${tags.join(', ')}` : `It has ${images.length} unnamed images`
  const why = wanted ? 'is not in the archive' : `holds ${images.length} images; say which`
  throw new HeadstartError('E_IMAGE_NOT_FOUND', `${name} ${why}`, { hint })
}

function normalised(tag: string): string | undefined {
  try {
    return formatReference(parseReference(tag))
  } catch {
    return undefined
  }
}

export async function synthesizeManifest(
  archive: Archive,
  saved: DockerManifest,
  name: string,
): Promise<ArchiveContent> {
  const rawConfig = await archive.small(saved.config, MAX_CONFIG_BYTES)
  const { diffIds } = parseConfig(rawConfig, name)
  if (diffIds.length !== saved.layers.length)
    throw archiveError(name, `it has ${saved.layers.length} layers; the config names ${diffIds.length}`)
  const blobs = new Map<Digest, ArchiveEntry>()
  const layers: Descriptor[] = []
  for (const [place, path] of saved.layers.entries()) {
    const entry = archive.index.entry(path)
    const { digest, mediaType } = await digestAndType(archive, entry, diffIds[place])
    blobs.set(digest, entry)
    layers.push({ mediaType, size: entry.size, digest })
  }
  blobs.set(digestOf(rawConfig), archive.index.entry(saved.config))
  const { descriptor, rawManifest } = manifestOfLayers(rawConfig, layers)
  return { descriptor, bytes: rawManifest, locate: (digest) => blobs.get(digest) }
}

/**
 * A manifest for an image that has none, with OCI's media types, which every tool accepts everywhere. The same bytes for the same image:
 * digests of plain layers are in the config, those of others are computed.
 */
export function manifestOfLayers(
  rawConfig: Buffer,
  layers: readonly Descriptor[],
): { readonly descriptor: Descriptor; readonly rawManifest: Buffer } {
  const config = { mediaType: OCI_CONFIG, size: rawConfig.length, digest: digestOf(rawConfig) }
  const document = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }
  const rawManifest = Buffer.from(JSON.stringify(document))
  const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(rawManifest), size: rawManifest.length }
  return { descriptor, rawManifest }
}

async function digestAndType(
  archive: Archive,
  entry: ArchiveEntry,
  diffId: Digest | undefined,
): Promise<Pick<Descriptor, 'digest' | 'mediaType'>> {
  const compression = compressionOf(await archive.head(entry, 4))
  if (compression === 'none' && diffId) return { digest: diffId, mediaType: OCI_LAYER_TAR }
  const { digest } = await hashStream(archive.stream(entry))
  return { digest, mediaType: compression === 'gzip' ? OCI_LAYER_GZIP : OCI_LAYER_ZSTD }
}
