/** Copies images from a source to a target: blobs in parallel, bounded; manifests last, the tagged one the very last. */

import { HeadstartError } from '../system/errors.ts'
import { readBounded } from '../system/files/read-bounded.ts'
import { mapLimit } from '../system/map-limit.ts'
import { bytesBlob } from './blob.ts'
import { MAX_MANIFEST_BYTES, parseManifest, referencedBlobs } from './manifest.ts'
import { isElsewhere, isIndexType, isManifestType } from './media-types.ts'
import { type OnProgress, watchBlob } from './progress.ts'
import type { Blob, Descriptor, Digest, Image, ImageIndex, ImageSource, ImageTarget } from './types.ts'

export interface CopyOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
  /** false: without a name, for `giveTag` once all that is attached to it is there, too; true unless told */
  readonly tagged?: boolean | undefined
  /** number of parallel transfers */
  readonly concurrency?: number | undefined
}

const DEFAULT_CONCURRENCY = 4

const taggedBy = ({ tagged = true }: CopyOptions) => ({ tagged })

/**
 * Copies one image under the target's name. The target must be prepared.
 * @returns the descriptor of the manifest as the target has it
 */
export async function copyImage(
  image: Image,
  target: ImageTarget,
  options: CopyOptions = {},
): Promise<Descriptor> {
  await copyBlobs([bytesBlob(image.manifest.config, image.rawConfig), ...image.layers], target, options)
  options.signal?.throwIfAborted()
  return target.putManifest(image.rawManifest, image.manifest.mediaType, taggedBy(options))
}

/** Copies an index with every image, attestation and artifact it names, each byte for byte. The target must be prepared. */
export async function copyIndex(
  source: ImageSource,
  index: ImageIndex,
  target: ImageTarget,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const copied = new Set<Digest>()
  for (const descriptor of index.manifests) await copyOnce(descriptor, { source, target, options, copied }, 1)
  options.signal?.throwIfAborted()
  return target.putManifest(index.rawIndex, index.descriptor.mediaType, taggedBy(options))
}

/** One manifest of an index, untagged, with its blobs. */
export const copyManifest = (
  source: ImageSource,
  descriptor: Descriptor,
  target: ImageTarget,
  options: CopyOptions = {},
): Promise<void> => copyOnce(descriptor, { source, target, options, copied: new Set() }, 1)

interface Copying {
  readonly source: ImageSource
  readonly target: ImageTarget
  readonly options: CopyOptions
  /** What several entries name is copied once: nested indexes could name it any number of times. */
  readonly copied: Set<Digest>
}

async function copyOnce(descriptor: Descriptor, copying: Copying, depth: number): Promise<void> {
  const { source, target, options, copied } = copying
  const { digest, mediaType } = descriptor
  if (copied.has(digest)) return
  copied.add(digest)
  options.signal?.throwIfAborted()
  if (!isManifestType(mediaType) && !isIndexType(mediaType))
    return copyBlobs([source.blob(descriptor)], target, options)
  const bytes = await copyContentsOf(descriptor, copying, depth)
  await target.putManifest(bytes, mediaType, { tagged: false })
}

/** Whatever a manifest or index of any kind refers to, but not itself. @returns its bytes */
export const copyContents = (
  source: ImageSource,
  descriptor: Descriptor,
  target: ImageTarget,
  options: CopyOptions = {},
): Promise<Buffer> => copyContentsOf(descriptor, { source, target, options, copied: new Set() }, 1)

async function copyContentsOf(descriptor: Descriptor, copying: Copying, depth: number): Promise<Buffer> {
  const { source, target, options } = copying
  const { digest, mediaType } = descriptor
  const where = `${source.name}@${digest}`
  const bytes = await readManifest(source, descriptor, options.signal)
  if (!isIndexType(mediaType)) {
    const blobs = referencedBlobs(bytes, where).map((blob) => source.blob(blob))
    await copyBlobs(blobs, target, options)
    return bytes
  }
  if (depth > MAX_INDEX_DEPTH) throw tooDeep(source.name)
  const parsed = parseManifest(bytes, mediaType, where)
  for (const each of parsed.kind === 'index' ? parsed.manifests : []) await copyOnce(each, copying, depth + 1)
  return bytes
}

/** How deep indexes may be nested; nobody nests them deeper. */
export const MAX_INDEX_DEPTH = 4

export const tooDeep = (name: string): HeadstartError =>
  new HeadstartError('E_MANIFEST', `${name} nests indexes more than ${MAX_INDEX_DEPTH} levels deep`)

/** A manifest or index of any kind, checked against its descriptor. @throws HeadstartError E_TOO_LARGE, E_DIGEST */
export const readManifest = async (
  source: ImageSource,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Buffer> =>
  readBounded(await source.blob(descriptor).open(undefined, signal), MAX_MANIFEST_BYTES, descriptor.digest)

/** Each blob once; foreign layers stay where their `urls` say. The first failure ends the others. */
async function copyBlobs(
  blobs: readonly Blob[],
  target: ImageTarget,
  options: CopyOptions = {},
): Promise<void> {
  const once = [...new Map(blobs.map((blob) => [blob.descriptor.digest, blob])).values()].filter(
    ({ descriptor }) => !isElsewhere(descriptor),
  )
  await mapLimit(
    once,
    options.concurrency ?? DEFAULT_CONCURRENCY,
    options.signal ?? new AbortController().signal,
    (blob, _, either) => copyBlob(blob, target, options.onProgress, either),
  )
}

async function copyBlob(
  blob: Blob,
  target: ImageTarget,
  onProgress: OnProgress | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { digest, mediaType, size: total } = blob.descriptor
  onProgress?.({ kind: 'start', digest, mediaType, done: 0, total })
  const { existed } = await target.putBlob(watchBlob(blob, onProgress), signal)
  onProgress?.({ kind: existed ? 'existed' : 'done', digest, mediaType, done: total, total })
}
