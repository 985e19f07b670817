/**
 * Verifies a whole image: every byte of every layer against every digest of it, the table of contents against the tar, the
 * rules of landmarks, config and manifest. It reads each layer once and reports everything that is wrong, as long as it can go on.
 */

import { codeOf, HeadstartError, messageOf } from '../system/errors.ts'
import { digestOf } from './digest.ts'
import { TOC_DIGEST_ANNOTATION } from './estargz/format/toc.ts'
import { verifyLayer } from './layers/estargz.ts'
import { isElsewhere, OCI_MANIFEST } from './media-types.ts'
import type { Image } from './types.ts'

export interface Problem {
  /** index, base first; undefined: config or manifest */
  readonly layer: number | undefined
  /** text form; undefined: the layer as a whole */
  readonly path: string | undefined
  /** one line, with both values where two disagree */
  readonly message: string
  /** the only problem: no layer is eStargz, so there is nothing to verify */
  readonly code?: 'E_NOT_ESTARGZ'
}

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined
  /** called with one line for each layer whose bytes are elsewhere: that is not a fault, but the layer was not checked */
  readonly onUnchecked?: ((layer: number, message: string) => void) | undefined
  /** called with one line for what is not a fault, but worth knowing */
  readonly onNote?: ((layer: number, message: string) => void) | undefined
  /** called after each layer */
  readonly onLayer?: ((layer: number, layers: number) => void) | undefined
}

/**
 * @returns what is wrong, in the order of the layers; empty when the image is sound
 * @throws HeadstartError E_COMPRESSION: a layer is compressed in a way that nothing supports, so rebuilding it can't help; and what the source throws
 */
export async function verifyImage(image: Image, options: VerifyOptions = {}): Promise<Problem[]> {
  const problems: Problem[] = verifyDocuments(image).map((message) => ({
    layer: undefined,
    path: undefined,
    message,
  }))
  let converted = 0
  for (const [index, layer] of image.layers.entries()) {
    options.signal?.throwIfAborted()
    const report = (message: string, path?: string) => problems.push({ layer: index, path, message })
    if (isElsewhere(layer.descriptor)) {
      const { mediaType, urls = [] } = layer.descriptor
      options.onUnchecked?.(
        index,
        `is not checked: ${mediaType}, its bytes are at ${urls.join(', ').slice(0, 1000)}`,
      )
      continue
    }
    try {
      const { landmark } = await verifyLayer(layer, report, options.signal)
      if (landmark === 'absent') options.onNote?.(index, NO_ZONE)
      converted += 1
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!(error instanceof HeadstartError) || codeOf(error) === 'E_COMPRESSION') throw error
      report(messageOf(error))
      const claims = layer.descriptor.annotations?.[TOC_DIGEST_ANNOTATION] !== undefined
      if (claims || error.code !== 'E_NOT_ESTARGZ') converted += 1
    }
    options.onLayer?.(index, image.layers.length)
  }
  return converted === 0 && problems.some(({ layer }) => layer !== undefined) ? [NOT_ESTARGZ] : problems
}

const NO_ZONE = 'has no prioritized zone: nothing in it is prefetched, unless a node sets a prefetch size'

const NOT_ESTARGZ: Problem = {
  code: 'E_NOT_ESTARGZ',
  layer: undefined,
  path: undefined,
  message: 'it is not eStargz: none of its layers has a table of contents',
}

function verifyDocuments(image: Image): string[] {
  const faults: string[] = []
  const { manifest, descriptor, config, layers } = image
  const same = (what: string, found: string | number, expected: string | number) => {
    if (found !== expected) faults.push(`${what} is ${found}, not ${expected}`)
  }
  same("the manifest's digest", digestOf(image.rawManifest), descriptor.digest)
  same("the config's digest", digestOf(image.rawConfig), manifest.config.digest)
  same("the config's size", image.rawConfig.length, manifest.config.size)
  same('the number of diffIDs', config.diffIds.length, manifest.layers.length)
  same('the number of layers', layers.length, manifest.layers.length)
  if (manifest.mediaType !== OCI_MANIFEST)
    faults.push(`the manifest is ${manifest.mediaType}, which can't carry the digests of tables of contents`)
  return faults
}
