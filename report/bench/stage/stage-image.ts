/**
 * Brings an arm's image next to the link in the form a registry would hold, so that only the link is measured. An OCI layout with
 * compressed layers is used where it is, and what is pulled from its own registry stays there.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { copyImage } from '../../../image/copy.ts'
import { hashStream } from '../../../image/digest.ts'
import { isVouched, openIfEstargz } from '../../../image/layers/estargz.ts'
import { TOC_IMAGE_SUFFIX, tocImageOf } from '../../../image/layers/external-toc.ts'
import { parseLocation } from '../../../image/location.ts'
import { DOCKER_LAYER_GZIP, DOCKER_MANIFEST, layerKind, OCI_LAYER_GZIP } from '../../../image/media-types.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Image, Layer } from '../../../image/types.ts'
import { DEFAULT_OPTIONS } from '../../../optimizer/options.ts'
import { rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { ifDiskFull } from '../../../system/errors.ts'
import type { Workspace } from '../../../system/workspace.ts'
import type { Staging } from '../arms.ts'
import type { RegistryAccess } from './origin-order.ts'

const isPacked = (layer: Layer): boolean => layerKind(layer.descriptor.mediaType).compression !== 'none'

/** Where an image is staged. */
export interface StagePlace {
  readonly workspace: Workspace
  /** lazily: with its tables of contents, wherever they are */
  readonly pulled: 'whole' | 'lazily'
  /** of the copy, if one is made */
  readonly name: string
  /** to the registry that it is in */
  readonly access?: RegistryAccess
  readonly signal?: AbortSignal
}

/** @returns its reference, for `openSource`. @throws HeadstartError E_NO_TOC: as `hasExternalTocs` */
export async function stageImage(given: Image, staging: Staging, place: StagePlace): Promise<string> {
  const { workspace, name, pulled, signal } = place
  const isLayout = parseLocation(given.reference).transport === 'oci'
  if (staging === 'direct' || (staging === 'copy' && isLayout && given.layers.every(isPacked)))
    return given.reference
  const reference = `oci:${join(await workspace.sub('stage'), name)}:latest`
  await using target = await openTarget(reference)
  await target.prepare({ force: false })
  if (staging === 'copy') await copyImage(await packed(given, place), target, { signal })
  // eStargz without a zone: what lazy pulling alone gains
  else await rebuildImage({ image: given, target, startup: [], options: DEFAULT_OPTIONS, signal })
  if (staging === 'copy' && pulled === 'lazily') await stageTocs(given, reference, place)
  return reference
}

/** Beside it, in the same layout: the image with its tables of contents, if they are not its own. */
async function stageTocs(given: Image, reference: string, { access, signal }: StagePlace): Promise<void> {
  if (!(await hasExternalTocs(given, signal))) return
  await using source = await openSource(given.reference, access)
  const tocs = await tocImageOf(source)
  if (tocs === undefined) return
  await using target = await openTarget(`${reference}${TOC_IMAGE_SUFFIX}`)
  await target.prepare({ force: false })
  await copyImage(tocs, target, { signal })
}

/** @throws HeadstartError E_NO_TOC: they are nowhere to be found, so that it can't be pulled lazily */
export async function hasExternalTocs({ layers }: Image, signal?: AbortSignal): Promise<boolean> {
  for (const layer of layers)
    if (isVouched(layer) && (await openIfEstargz(layer, signal))?.tocPlace === 'external') return true
  return false
}

/** The image with every layer compressed; itself if they are already. An engine provides them uncompressed. */
async function packed(image: Image, place: StagePlace): Promise<Image> {
  if (image.layers.every(isPacked)) return image
  const { mediaType, config } = image.manifest
  const gzip = mediaType === DOCKER_MANIFEST ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP
  const layers: Layer[] = []
  for (const layer of image.layers) layers.push(isPacked(layer) ? layer : await pack(layer, gzip, place))
  const manifest = { mediaType, config, layers: layers.map(({ descriptor }) => descriptor) }
  return {
    ...image,
    manifest,
    layers,
    rawManifest: Buffer.from(JSON.stringify({ schemaVersion: 2, ...manifest })),
  }
}

/** At the level at which pushing the layer would compress it. */
async function pack(layer: Layer, mediaType: string, { workspace, signal }: StagePlace): Promise<Layer> {
  const folder = await workspace.sub('packed')
  const file = join(folder, layer.diffId.replace(':', '-'))
  const content = await layer.open(undefined, signal)
  await pipeline(content, createGzip({ level: 6 }), createWriteStream(file)).catch((error: unknown) => {
    throw ifDiskFull(error, folder)
  })
  return {
    diffId: layer.diffId,
    descriptor: { mediaType, ...(await hashStream(createReadStream(file))) },
    open: async (range) =>
      createReadStream(file, range ? { start: range.start, end: range.end - 1 } : undefined),
  }
}
