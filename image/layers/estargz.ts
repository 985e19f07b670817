/** A layer of an image as eStargz, wherever its bytes are: opened, or verified against what the manifest says of it. */

import { codeOf, HeadstartError } from '../../system/errors.ts'
import { readBounded } from '../../system/files/read-bounded.ts'
import { foreignCompression, HEAD_BYTES, unsupported } from '../compression/decompress.ts'
import { TOC_DIGEST_ANNOTATION, UNCOMPRESSED_SIZE_ANNOTATION } from '../estargz/format/toc.ts'
import { type EstargzLayer, openEstargz, type RangeFetch } from '../estargz/read/reader.ts'
import { verifyEstargz } from '../estargz/verify/layer.ts'
import type { Report } from '../estargz/verify/report.ts'
import { OCI_LAYER_ZSTD } from '../media-types.ts'
import type { Blob, Layer } from '../types.ts'
import { provenWrong } from './annotations.ts'
import { checkZstdChunked, isZstdChunked, type ZstdChunkedToc, zstdChunkedToc } from './zstd-chunked.ts'
import { zstdClaimFaults } from './zstd-claims.ts'

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
 * Reads footer and TOC alone. The TOC is checked against the manifest's annotations where there are any.
 * @returns undefined: not eStargz. @throws HeadstartError E_ESTARGZ, E_DIGEST, E_NO_TOC, and what the source throws
 */
export async function openIfEstargz(layer: Layer, signal?: AbortSignal): Promise<EstargzLayer | undefined> {
  try {
    return await openChecked(layer, signal)
  } catch (error) {
    if (codeOf(error) === 'E_NOT_ESTARGZ') return undefined
    throw error
  }
}

/** As `openIfEstargz`, but also undefined where the table of contents is in another image that can't be found: what is left is an ordinary tar. */
export async function openIfReadable(layer: Layer, signal?: AbortSignal): Promise<EstargzLayer | undefined> {
  try {
    return await openIfEstargz(layer, signal)
  } catch (error) {
    if (codeOf(error) === 'E_NO_TOC') return undefined
    throw error
  }
}

/** The first bytes of a layer, by which its compression is known; all of them, if it has no more. */
export async function headOf(layer: Layer, signal?: AbortSignal): Promise<Buffer> {
  const end = Math.min(HEAD_BYTES, layer.descriptor.size)
  return end === 0 ? Buffer.alloc(0) : fetchFrom(layer)({ start: 0, end }, signal)
}

/** The manifest has the digest of the table of contents: of its JSON, or of its stored bytes, as containers/storage does. */
export const isVouched = ({ descriptor }: Layer): boolean =>
  descriptor.annotations?.[TOC_DIGEST_ANNOTATION] !== undefined ||
  (descriptor.mediaType === OCI_LAYER_ZSTD && isZstdChunked(descriptor))

/** Of zstd:chunked that podman reads: only the manifest says where its table of contents is. */
const annotatedToc = ({ descriptor }: Layer): ZstdChunkedToc | undefined =>
  descriptor.mediaType === OCI_LAYER_ZSTD && descriptor.annotations?.[TOC_DIGEST_ANNOTATION] === undefined
    ? zstdChunkedToc(descriptor)
    : undefined

async function openChecked(layer: Layer, signal: AbortSignal | undefined): Promise<EstargzLayer> {
  const { descriptor } = layer
  const tocDigest = descriptor.annotations?.[TOC_DIGEST_ANNOTATION]
  const { externalToc } = layer
  const tocAt = annotatedToc(layer)
  if (tocAt) await checkZstdChunked(fetchFrom(layer), tocAt, signal)
  return openEstargz(descriptor.size, fetchFrom(layer), { tocDigest, externalToc, tocAt, signal })
}

/**
 * Reads the layer once, whole.
 * @param report told each fault
 * @returns the layer as it was read
 * @throws HeadstartError as `verifyEstargz`, what the source throws, and E_COMPRESSION: nothing of headstart can read it
 */
export async function verifyLayer(layer: Layer, report: Report, signal?: AbortSignal): Promise<EstargzLayer> {
  const { size, annotations, digest } = layer.descriptor
  const tocDigest = annotations?.[TOC_DIGEST_ANNOTATION]
  const orForeign = async (error: unknown): Promise<never> => {
    if (codeOf(error) !== 'E_NOT_ESTARGZ') throw error
    const foreign = foreignCompression(await headOf(layer, signal))
    throw foreign === undefined ? error : unsupported(foreign, `the layer ${digest}`)
  }
  // Of a layer that isn't eStargz at all, nothing else is worth saying.
  if (tocDigest === undefined) await openChecked(layer, signal).catch(orForeign)
  if (!isVouched(layer)) report(`the manifest has no table of contents digest for ${digest}`)
  for (const name of provenWrong(layer.descriptor, layer.diffId))
    report(`the manifest has the annotation ${name}, which describes other bytes`)
  if (isZstdChunked(layer.descriptor) || layer.descriptor.mediaType === OCI_LAYER_ZSTD)
    for (const fault of await zstdClaimFaults(layer.descriptor, fetchFrom(layer))) report(fault)
  const claimed = {
    size,
    fetch: fetchFrom(layer),
    open: () => layer.open(undefined, signal),
    diffId: layer.diffId,
    tocDigest,
    externalToc: layer.externalToc,
    tocAt: annotatedToc(layer),
    uncompressedSize: annotations?.[UNCOMPRESSED_SIZE_ANNOTATION],
  }
  return verifyEstargz(claimed, report, signal).catch(orForeign)
}
