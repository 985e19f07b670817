/**
 * Brings an image next to the link, as a registry would hold it, so that the link is all that is measured. What is near
 * already, an OCI layout, stays where it is.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { bytesBlob } from '../../../image/copy.ts'
import { hashStream } from '../../../image/digest.ts'
import { parseLocation } from '../../../image/location.ts'
import { DOCKER_LAYER_GZIP, DOCKER_MANIFEST, layerKind, OCI_LAYER_GZIP } from '../../../image/media-types.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Blob, Descriptor, Image, Layer } from '../../../image/types.ts'
import type { Workspace } from '../../../system/workspace.ts'

const isPacked = (layer: Layer): boolean => layerKind(layer.descriptor.mediaType).compression !== 'none'

/**
 * @param name of the copy
 * @returns `oci:DIR:TAG` or the like, for `openSource`
 */
export async function bringNear(
  image: Image,
  name: string,
  workspace: Workspace,
  signal: AbortSignal | undefined,
): Promise<string> {
  const isLayout = parseLocation(image.reference).transport === 'oci'
  if (isLayout && image.layers.every(isPacked)) return image.reference
  const reference = `oci:${join(await workspace.sub('near'), name)}:latest`
  await using target = await openTarget(reference)
  await target.prepare({ force: false })
  const layers: Descriptor[] = []
  for (const layer of image.layers) {
    const blob = isPacked(layer) ? layer : await pack(layer, image, workspace, signal)
    await target.putBlob(blob, signal)
    layers.push(blob.descriptor)
  }
  await target.putBlob(bytesBlob(image.manifest.config, image.rawConfig), signal)
  await target.putManifest(manifestWith(image, layers), image.manifest.mediaType, { tagged: true })
  return reference
}

/** An engine gives its layers unpacked; pushing them would compress them, at this level. */
async function pack(
  layer: Layer,
  image: Image,
  workspace: Workspace,
  signal: AbortSignal | undefined,
): Promise<Blob> {
  const file = join(await workspace.sub('packed'), layer.diffId.replace(':', '-'))
  await pipeline(await layer.open(undefined, signal), createGzip({ level: 6 }), createWriteStream(file))
  const { digest, size } = await hashStream(createReadStream(file))
  const mediaType = image.manifest.mediaType === DOCKER_MANIFEST ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP
  return {
    descriptor: { mediaType, digest, size },
    open: async (range) =>
      createReadStream(file, range ? { start: range.start, end: range.end - 1 } : undefined),
  }
}

/** The image's own manifest where no layer changed. */
function manifestWith(image: Image, layers: readonly Descriptor[]): Uint8Array {
  if (image.layers.every(isPacked)) return image.rawManifest
  const { mediaType, config } = image.manifest
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }))
}
