/** A layer of an image opened as eStargz, wherever its bytes are. */

import { codeOf, HeadstartError } from '../system/errors.ts'
import { readBounded } from './digest.ts'
import { TOC_DIGEST_ANNOTATION } from './estargz/format/toc.ts'
import { type EstargzLayer, openEstargz, type RangeFetch } from './estargz/read/reader.ts'
import type { Blob, Layer } from './types.ts'

/** A ranged fetch over a blob, as the eStargz reader takes it. Fails with E_DIGEST where the blob is shorter than its descriptor says. */
export const fetchFrom =
  (blob: Blob): RangeFetch =>
  async (range, signal) => {
    const wanted = range.end - range.start
    const bytes = await readBounded(await blob.open(range, signal), wanted, blob.descriptor.digest)
    if (bytes.length === wanted) return bytes
    throw new HeadstartError(
      'E_DIGEST',
      `${blob.descriptor.digest} ends after ${range.start + bytes.length} bytes; its descriptor says ${blob.descriptor.size}`,
    )
  }

/**
 * Reads footer and TOC alone. The TOC is checked against the manifest's annotation where there is one.
 * @returns undefined: no eStargz. @throws HeadstartError E_ESTARGZ, E_DIGEST, and what the source throws
 */
export async function openIfEstargz(layer: Layer, signal?: AbortSignal): Promise<EstargzLayer | undefined> {
  const tocDigest = layer.descriptor.annotations?.[TOC_DIGEST_ANNOTATION]
  try {
    return await openEstargz(layer.descriptor.size, fetchFrom(layer), { tocDigest, signal })
  } catch (error) {
    if (codeOf(error) === 'E_NOT_ESTARGZ') return undefined
    throw error
  }
}
