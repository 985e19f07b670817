/**
 * The image that holds the tables of contents of layers which have none in their blobs. Its blobs go to the target as they come; it gets its tag
 * before the image it belongs to, so that nobody finds that image without it.
 */
import { gunzipSync } from 'node:zlib'
import { bytesBlob } from '../../image/blob.ts'
import { digestOf } from '../../image/digest.ts'
import { FORMATS, type FormatName } from '../../image/estargz/format/formats.ts'
import { MAX_TOC_BYTES } from '../../image/estargz/read/reader.ts'
import type { ExternalTocBlob } from '../../image/estargz/write/layer.ts'
import {
  LAYER_DIGEST_ANNOTATION,
  type PutTocImage,
  TOC_IMAGE_SUFFIX,
} from '../../image/layers/external-toc.ts'
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '../../image/media-types.ts'
import type { Descriptor, Digest, ImageTarget, Platform } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import { checkFormat, DEFAULT_OPTIONS, type OptimizeOptions } from '../options.ts'

/**
 * To be called before anything is read or written.
 * @throws HeadstartError E_OPTION, E_TARGET_EXISTS; E_TARGET: a format that needs a second image next to the target's, where there can't be one
 */
export async function prepareTarget(
  target: ImageTarget,
  options: Partial<OptimizeOptions>,
  how: { readonly force: boolean },
): Promise<void> {
  checkFormat(options)
  const beside = tocTarget(target, options.format ?? DEFAULT_OPTIONS.format)
  await target.prepare(how)
  await beside?.prepare(how)
}

/** @returns undefined: the format needs none */
function tocTarget(target: ImageTarget, format: FormatName): ImageTarget | undefined {
  if (FORMATS[format].tocPlace !== 'external') return undefined
  if (target.beside) return target.beside(TOC_IMAGE_SUFFIX)
  throw new HeadstartError(
    'E_TARGET',
    `${target.name} can't be ${format}: its tables of contents go into a second image, which only a registry can hold`,
    {
      hint: 'Name a registry as the target, or choose another --format',
    },
  )
}

/** @throws HeadstartError E_TARGET, as `prepareTarget` */
export function tocImageWriter(target: ImageTarget, format: FormatName): TocImageWriter | undefined {
  const beside = tocTarget(target, format)
  return beside && new TocImageWriter(beside)
}

/** Of one image, or of all images of an index together. */
export class TocImageWriter {
  private readonly target: ImageTarget
  private readonly tocs = new Map<Digest, { readonly descriptor: Descriptor; readonly diffId: Digest }>()

  constructor(target: ImageTarget) {
    this.target = target
  }

  /** @param layer that the table of contents is of */
  async add(layer: Digest, { stored, diffId }: ExternalTocBlob, signal: AbortSignal): Promise<void> {
    const descriptor = { mediaType: OCI_LAYER_GZIP, digest: digestOf(stored), size: stored.length }
    await this.target.putBlob(bytesBlob(descriptor, stored), signal)
    const annotations = { [LAYER_DIGEST_ANNOTATION]: layer }
    this.tocs.set(layer, { descriptor: { ...descriptor, annotations }, diffId })
  }

  /** Without a name. @param platform of an image that it is about: an image has to have one */
  async finish({ os, architecture }: Platform, signal: AbortSignal): Promise<PutTocImage> {
    // Layers are done in any order.
    const tocs = [...this.tocs].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, toc]) => toc)
    const rootfs = { type: 'layers', diff_ids: tocs.map(({ diffId }) => diffId) }
    const config = Buffer.from(JSON.stringify({ architecture, os, rootfs }))
    const descriptor = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length }
    await this.target.putBlob(bytesBlob(descriptor, config), signal)
    const layers = tocs.map((toc) => toc.descriptor)
    const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor, layers }
    const rawManifest = Buffer.from(JSON.stringify(manifest))
    signal.throwIfAborted()
    const put = await this.target.putManifest(rawManifest, OCI_MANIFEST, { tagged: false })
    return { ...put, name: this.target.name, rawManifest }
  }
}

/** A table of contents as it is stored with the source. */
export const storedToc = (stored: Buffer): ExternalTocBlob => ({
  stored,
  diffId: digestOf(gunzipSync(stored, { maxOutputLength: MAX_TOC_BYTES })),
})
