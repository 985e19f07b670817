/**
 * Tables of contents that are not in their layers but in a separate image, one layer for each, in the same repository under the same tag with a
 * suffix. An annotation on each of its layers says which layer it is about.
 *
 * Source: stargz-snapshotter, docs/estargz.md, "eStargz image with an external TOC", and nativeconverter/estargz/externaltoc.
 */
import { codeOf, HeadstartError } from '../../system/errors.ts'
import { readBounded } from '../../system/files/read-bounded.ts'
import { lazily } from '../../system/lazily.ts'
import { MAX_TOC_COMPRESSED } from '../estargz/read/reader.ts'
import type { Blob, Descriptor, Digest, Image, ImageSource, ImageTarget } from '../types.ts'

export const TOC_IMAGE_SUFFIX = '-esgztoc'
export const LAYER_DIGEST_ANNOTATION = 'containerd.io/snapshot/stargz/layer.digest'

/** The image beside another. */
export interface TocImage {
  readonly name: string
  /** @throws HeadstartError E_IMAGE_NOT_FOUND, and what the source throws */
  layers(): Promise<readonly Descriptor[]>
  blob(descriptor: Descriptor): Blob
}

/**
 * Gives a layer's stored table of contents. The image is opened once, and only if a layer is asked about.
 * @throws HeadstartError E_NO_TOC, and what the source throws
 */
export function tocsIn({ name, layers, blob }: TocImage) {
  const tocs = lazily(async () => byLayer(await layers().catch(absent(name))))
  return async (layer: Digest, signal?: AbortSignal): Promise<Buffer> => {
    const toc = (await tocs()).get(layer)
    if (toc === undefined) throw noToc(`${name} has no table of contents for it`)
    const { size, digest } = toc
    if (size > MAX_TOC_COMPRESSED)
      throw new HeadstartError('E_ESTARGZ', `the table of contents is too large: ${size} bytes compressed`)
    return readBounded(await blob(toc).open(undefined, signal), size, digest)
  }
}

/**
 * The image with the tables of contents of another one.
 * @returns undefined: there is no such image
 * @throws HeadstartError what the source throws
 */
export async function tocImageOf(source: ImageSource): Promise<Image | undefined> {
  try {
    return await source.beside?.(TOC_IMAGE_SUFFIX).image()
  } catch (error) {
    if (codeOf(error) === 'E_IMAGE_NOT_FOUND') return undefined
    throw error
  }
}

export interface PutTocImage extends Descriptor {
  readonly name: string
  /** the exact bytes of its manifest */
  readonly rawManifest: Uint8Array
}

/** What was made, or an index of it: in the target, and nobody finds it there yet. */
export interface Untagged {
  readonly manifest: Descriptor
  /** the exact bytes of it */
  readonly rawManifest: Uint8Array
  /** of the image beside it, where the format needs one and it isn't an index's */
  readonly tocImage?: PutTocImage | undefined
}

/** The very last step: from here on it is found under the target's name. */
export async function giveTag(
  target: ImageTarget,
  { manifest, rawManifest, tocImage }: Untagged,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted()
  if (tocImage)
    await target
      .beside?.(TOC_IMAGE_SUFFIX)
      .putManifest(tocImage.rawManifest, tocImage.mediaType, { tagged: true })
  await target.putManifest(rawManifest, manifest.mediaType, { tagged: true })
}

const byLayer = (layers: readonly Descriptor[]): ReadonlyMap<string, Descriptor> =>
  new Map(layers.map((each) => [each.annotations?.[LAYER_DIGEST_ANNOTATION] ?? '', each]))

const absent =
  (name: string) =>
  (error: unknown): never => {
    if (codeOf(error) !== 'E_IMAGE_NOT_FOUND') throw error
    throw noToc(`its table of contents would be in ${name}, which does not exist`)
  }

const noToc = (message: string): HeadstartError =>
  new HeadstartError('E_NO_TOC', message, {
    hint: `Also copy the image whose tag ends in ${TOC_IMAGE_SUFFIX} to the same repository`,
  })
