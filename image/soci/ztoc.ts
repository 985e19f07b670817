/**
 * A zTOC, which the SOCI snapshotter keeps alongside a layer: where each file's bytes are in the layer's tar, and the spans that can be
 * decompressed on their own. Pure.
 *
 * Source: soci-snapshotter, ztoc/fbs/ztoc.fbs, and ztoc/compression for what `checkpoints` holds.
 */

import { HeadstartError, messageOf } from '../../system/errors.ts'
import { type BytePath, layerPath } from '../../system/text/byte-path.ts'
import { FlatTable, longAt } from './flatbuffer.ts'

export interface ZtocFile {
  /** normalised */
  readonly path: BytePath
  /** of its content in the tar, bytes */
  readonly offset: number
  readonly size: number
}

/** A piece of the layer, up to where the next one starts. */
export interface ZtocSpan {
  /** offset in the tar */
  readonly offset: number
  /** of the first compressed byte that it needs */
  readonly compressedOffset: number
  /** after its last one */
  readonly compressedEnd: number
}

export interface Ztoc {
  readonly compressedSize: number
  readonly uncompressedSize: number
  /** in the tar's order */
  readonly files: readonly ZtocFile[]
  /** at least one, by offset; a span's number is its place */
  readonly spans: readonly ZtocSpan[]
}

/** @throws HeadstartError E_ZTOC */
export function parseZtoc(bytes: Uint8Array, where: string): Ztoc {
  try {
    return read(FlatTable.root(bytes))
  } catch (cause) {
    const why = cause instanceof RangeError ? 'it is damaged, or something else' : messageOf(cause)
    throw new HeadstartError('E_ZTOC', `${where} is not a zTOC: ${why}`, {
      cause,
      hint: 'soci ztoc list shows those of an image; they are blobs in its content store',
    })
  }
}

function read(root: FlatTable): Ztoc {
  const compressedSize = root.long(2)
  const uncompressedSize = root.long(3)
  const files = root.table(4)?.tables(0).map(readFile)
  const compression = root.table(5)
  if (files === undefined || compression === undefined) throw new RangeError('no files or no spans')
  const checkpoints = compression.bytes(3)
  const spans = isGzip(compression.byte(0, GZIP))
    ? gzipSpans(checkpoints, compressedSize)
    : tarSpans(checkpoints, compressedSize)
  if (spans.length !== compression.int(1) + 1)
    throw new Error(`it claims ${compression.int(1) + 1} spans, but has ${spans.length}`)
  return { compressedSize, uncompressedSize, files, spans }
}

const GZIP = 1
const UNCOMPRESSED = 2

function isGzip(algorithm: number): boolean {
  if (algorithm !== GZIP && algorithm !== UNCOMPRESSED)
    throw new Error(`its compression, ${algorithm}, is unknown`)
  return algorithm === GZIP
}

const readFile = (file: FlatTable): ZtocFile => ({
  path: layerPath(file.string(0)),
  offset: file.long(2),
  size: file.long(3),
})

const CHECKPOINT_BYTES = 8 + 8 + 1 + 32_768
const HEADER_BYTES = 4 + 8
/** Where a first version of the format, which doesn't store it, has the first checkpoint: behind gzip's header. */
const FIRST_CHECKPOINT = { offset: 0, compressedOffset: 10 }

/** Of each checkpoint: the offsets in the layer and in the tar, the bits of the byte before that belong to it, 32 KiB of window. */
function gzipSpans(bytes: Uint8Array, compressedSize: number): ZtocSpan[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getInt32(0, true)
  const stored = (bytes.length - HEADER_BYTES) / CHECKPOINT_BYTES
  if (count < 1 || (stored !== count && stored !== count - 1))
    throw new RangeError('checkpoints of another size')
  const points = Array.from({ length: stored }, (_, index) => {
    const at = HEADER_BYTES + index * CHECKPOINT_BYTES
    const hasBits = view.getUint8(at + 16) !== 0
    return { offset: longAt(view, at + 8), first: longAt(view, at), hasBits }
  })
  const { offset, compressedOffset: first } = FIRST_CHECKPOINT
  const all = stored === count ? points : [{ offset, first, hasBits: false }, ...points]
  return all.map((point, index) => {
    const next = all[index + 1]
    if (next && (next.offset < point.offset || next.first < point.first))
      throw new RangeError('checkpoints out of order')
    return {
      offset: point.offset,
      compressedOffset: point.hasBits ? point.first - 1 : point.first,
      compressedEnd: next?.first ?? compressedSize,
    }
  })
}

/** Of a layer that isn't compressed: pieces of one size. */
function tarSpans(bytes: Uint8Array, layerSize: number): ZtocSpan[] {
  const table = FlatTable.root(bytes)
  const each = table.long(1)
  const size = table.long(2)
  if (each < 1 || size !== layerSize || size / each > MAX_SPANS) throw new RangeError('spans of another size')
  return Array.from({ length: Math.ceil(size / each) }, (_, index) => ({
    offset: index * each,
    compressedOffset: index * each,
    compressedEnd: Math.min(size, (index + 1) * each),
  }))
}

/** Here alone nothing is stored for a span, so that its number isn't bounded by the file. */
const MAX_SPANS = 1 << 20

/** Number of the span that holds a byte of the tar. */
export function spanAt({ spans }: Ztoc, offset: number): number {
  let [low, high] = [0, spans.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((spans[middle]?.offset ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low
}
