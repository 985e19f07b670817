/** The tree that a container of an image sees: the entries of all its layers, merged. Reads each layer once, whole. */
import { compressionError, decompress } from '../compression/decompress.ts'
import { isForeign } from '../media-types.ts'
import type { TarEntry } from '../tar/entry.ts'
import { scanTar } from '../tar/scan.ts'
import type { Image, Layer } from '../types.ts'
import { type MergedTree, mergeLayers } from './merge-layers.ts'

/** @throws HeadstartError E_TAR, E_DIGEST, E_COMPRESSION, and what the source throws */
export async function readImageTree(image: Image, signal?: AbortSignal): Promise<MergedTree<TarEntry>> {
  const layers: TarEntry[][] = []
  for (const layer of image.layers) layers.push(await readLayerEntries(layer, (entry) => entry, signal))
  return mergeLayers(layers)
}

/**
 * A layer's entries in its order; none of a foreign one, whose bytes are elsewhere.
 * @param pick what is kept of each: the headers of a large layer take more memory than most callers need
 */
export async function readLayerEntries<E>(
  layer: Layer,
  pick: (entry: TarEntry) => E,
  signal?: AbortSignal,
): Promise<E[]> {
  if (isForeign(layer.descriptor.mediaType)) return []
  const entries: E[] = []
  try {
    const { stream } = await decompress(await layer.open(undefined, signal))
    for await (const event of scanTar(stream)) if (event.kind === 'entry') entries.push(pick(event.entry))
  } catch (error) {
    throw compressionError(error, `the layer ${layer.descriptor.digest}`)
  }
  return entries
}
