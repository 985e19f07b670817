/**
 * What decides whether a node can pull an image lazily, layer by layer: asked of the registry as a node asks it, and read from footers and tables
 * of contents. What follows from it is said by findings.ts.
 */
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { compressionOf, foreignCompression } from '../compression/decompress.ts'
import { TOC_DIGEST_ANNOTATION } from '../estargz/format/toc.ts'
import type { EstargzLayer } from '../estargz/read/reader.ts'
import { fetchFrom, headOf, openIfEstargz } from '../layers/estargz.ts'
import { checkZstdChunked, zstdChunkedToc } from '../layers/zstd-chunked.ts'
import { parseLocation, type Transport } from '../location.ts'
import { isForeign } from '../media-types.ts'
import type { Digest, ImageSource, Layer, Platform, RangeAnswer } from '../types.ts'

/** `unread`: nothing of it was read, since it could only be read whole, or not at all. */
export type LazyFormat =
  | 'estargz'
  | 'estargz+external-toc'
  | 'zstd:chunked'
  | 'gzip'
  | 'zstd'
  | 'tar'
  | 'foreign'
  | 'unread'

export interface LayerFacts {
  readonly digest: Digest
  readonly mediaType: string
  /** bytes as stored */
  readonly size: number
  readonly format: LazyFormat
  /** The manifest names the digest of an eStargz table of contents for it. */
  readonly annotated: boolean
  /** of eStargz */
  readonly landmark: EstargzLayer['landmark'] | undefined
  /** bytes before the landmark, which are prefetched; of eStargz */
  readonly zoneBytes: number | undefined
  /** of the table of contents as stored, footer included */
  readonly tocBytes: number | undefined
  /** one line: why its table of contents can't be used */
  readonly fault: string | undefined
  /** how the registry answered; undefined: it is in none, or didn't answer (`fault` says why) */
  readonly ranges: RangeAnswer | undefined
}

export interface LazyFacts {
  /** as a person would write it, with its transport */
  readonly reference: string
  readonly transport: Transport
  /** of the manifest; undefined: nothing was read, since an engine keeps no layers as a registry has them */
  readonly digest: Digest | undefined
  readonly mediaType: string | undefined
  readonly layers: readonly LayerFacts[]
}

/**
 * A layer after the other, little is read of each.
 * @param options.platform as `ImageSource.image`
 * @throws what opening the image throws, and E_UNAUTHORIZED; what is wrong with a layer is a fact
 */
export async function examineLazy(
  source: ImageSource,
  { platform, signal }: { readonly platform?: Platform | undefined; readonly signal?: AbortSignal } = {},
): Promise<LazyFacts> {
  const { transport } = parseLocation(source.name)
  const known = { reference: source.name, transport }
  if (transport === 'docker-daemon') return { ...known, digest: undefined, mediaType: undefined, layers: [] }
  const image = await source.image(platform)
  const layers: LayerFacts[] = []
  for (const layer of image.layers) {
    signal?.throwIfAborted()
    layers.push({ ...nothingKnown(layer), ...(await examineLayer(layer, signal)) })
  }
  return { ...known, digest: image.descriptor.digest, mediaType: image.manifest.mediaType, layers }
}

const nothingKnown = ({ descriptor: { digest, mediaType, size, annotations } }: Layer): LayerFacts => ({
  digest,
  mediaType,
  size,
  format: 'unread',
  annotated: annotations?.[TOC_DIGEST_ANNOTATION] !== undefined,
  landmark: undefined,
  zoneBytes: undefined,
  tocBytes: undefined,
  fault: undefined,
  ranges: undefined,
})

async function examineLayer(layer: Layer, signal: AbortSignal | undefined): Promise<Partial<LayerFacts>> {
  if (isForeign(layer.descriptor.mediaType)) return { format: 'foreign' }
  const ranges = await orFault(layer.askRange?.(signal), signal)
  if (typeof ranges === 'string') return { fault: ranges }
  // Each range would be the whole blob, or another one than was asked for.
  if (ranges && !ranges.isRight) return { ranges }
  return { ranges, ...(await examineContent(layer, signal)) }
}

const FORMAT_OF = {
  'in-tar': 'estargz',
  'behind-tar': 'zstd:chunked',
  external: 'estargz+external-toc',
} as const satisfies Record<EstargzLayer['tocPlace'], LazyFormat>

async function examineContent(layer: Layer, signal: AbortSignal | undefined): Promise<Partial<LayerFacts>> {
  const estargz = await orFault(openIfEstargz(layer, signal), signal)
  if (typeof estargz === 'string') return { format: 'estargz', fault: estargz }
  if (estargz)
    return {
      format: FORMAT_OF[estargz.tocPlace],
      landmark: estargz.landmark,
      zoneBytes: estargz.zoneEnd,
      tocBytes: estargz.tocBytes,
    }
  return examineOther(layer, signal)
}

async function examineOther(layer: Layer, signal: AbortSignal | undefined): Promise<Partial<LayerFacts>> {
  try {
    const toc = zstdChunkedToc(layer.descriptor)
    if (toc === undefined) return await compressedAs(layer, signal)
    await checkZstdChunked(fetchFrom(layer), toc, signal)
    return { format: 'zstd:chunked', tocBytes: layer.descriptor.size - toc.start }
  } catch (error) {
    return { format: 'zstd:chunked', fault: faultOf(error, signal) }
  }
}

async function compressedAs(layer: Layer, signal: AbortSignal | undefined): Promise<Partial<LayerFacts>> {
  const head = await orFault(headOf(layer, signal), signal)
  if (typeof head === 'string') return { fault: head }
  const foreign = foreignCompression(head)
  if (foreign !== undefined) return { fault: `it is compressed with ${foreign}, which most nodes can't read` }
  const compression = compressionOf(head)
  return { format: compression === 'none' ? 'tar' : compression }
}

/** @returns the message where the layer, or the registry, is at fault */
async function orFault<T>(pending: T | Promise<T>, signal: AbortSignal | undefined): Promise<T | string> {
  try {
    return await pending
  } catch (error) {
    return faultOf(error, signal)
  }
}

function faultOf(error: unknown, signal: AbortSignal | undefined): string {
  signal?.throwIfAborted()
  // Without access nothing was learnt about the layer.
  if (!(error instanceof HeadstartError) || codeOf(error) === 'E_UNAUTHORIZED') throw error
  return messageOf(error)
}
