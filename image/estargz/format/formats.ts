/**
 * The formats a layer can be written in. All are entries in one order with one table of contents; they differ in how members are compressed, in
 * what follows the last of them (write/end-*.ts), and in what the manifest says of the layer.
 *
 * A zstd:chunked layer is one blob for all its readers, but no manifest suits them all: containers/storage refuses a layer that has the annotations of
 * both (storage_linux.go, "both zstd:chunked and eStargz TOC found"), and the stargz snapshotter mounts nothing without its own.
 */
import type { Digest } from '../../digest.ts'
import { TOC_DIGEST_ANNOTATION, UNCOMPRESSED_SIZE_ANNOTATION } from './toc.ts'

export const FORMAT_NAMES = [
  'estargz',
  'estargz+external-toc',
  'zstd:chunked',
  'zstd:chunked+podman',
] as const
export type FormatName = (typeof FORMAT_NAMES)[number]
export type Codec = 'gzip' | 'zstd'
/**
 * Where a layer has its table of contents: as its tar's last entry, behind the tar in a frame that decoders skip, or not at all: then an image of
 * its own has it, see external-toc.ts.
 */
export type TocPlace = 'in-tar' | 'behind-tar' | 'external'

/** Bytes of the blob that annotations point to. */
export interface Frame {
  readonly offset: number
  readonly size: number
  /** uncompressed */
  readonly content: number
}

/** Where a zstd:chunked layer has its skippable frames. */
export interface ChunkedFrames {
  readonly toc: Frame
  /** sha256 of the table of contents as stored */
  readonly tocChecksum: Digest
  readonly tarSplit: Frame
}

export interface DescribedLayer {
  /** sha256 of the TOC's JSON */
  readonly tocDigest: Digest
  readonly uncompressedSize: number
  /** of zstd:chunked */
  readonly frames?: ChunkedFrames | undefined
}

export interface Format {
  readonly codec: Codec
  readonly tocPlace: TocPlace
  /** the level unless another is given, and the highest */
  readonly level: number
  readonly maxLevel: number
  /** Small files may share a member. containers/storage doesn't know `innerOffset`. */
  readonly packs: boolean
  annotations(layer: DescribedLayer): Record<string, string>
  /** the annotation by which its readers know a layer, where others of the same bytes know it by another */
  readonly knownBy: string
}

const forStargz = ({ tocDigest, uncompressedSize }: DescribedLayer) => ({
  [TOC_DIGEST_ANNOTATION]: tocDigest,
  [UNCOMPRESSED_SIZE_ANNOTATION]: String(uncompressedSize),
})

/** The type of table of contents that there is. */
const CRFS = 1

function positions(prefix: string, { toc, tocChecksum }: ChunkedFrames): Record<string, string> {
  return {
    [`${prefix}manifest-checksum`]: tocChecksum,
    [`${prefix}manifest-position`]: `${toc.offset}:${toc.size}:${toc.content}:${CRFS}`,
  }
}

const PODMAN = 'io.github.containers.zstd-chunked.'

function forPodman({ frames }: DescribedLayer): Record<string, string> {
  if (frames === undefined) throw new Error('a zstd:chunked layer without its frames')
  const { offset, size, content } = frames.tarSplit
  return { ...positions(PODMAN, frames), [`${PODMAN}tarsplit-position`]: `${offset}:${size}:${content}` }
}

/** libdeflate's levels, and zstd's. */
const GZIP = { codec: 'gzip', level: 6, maxLevel: 12 } as const
const ZSTD = { codec: 'zstd', tocPlace: 'behind-tar', level: 9, maxLevel: 22, packs: false } as const

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  estargz: {
    ...GZIP,
    tocPlace: 'in-tar',
    packs: true,
    annotations: forStargz,
    knownBy: TOC_DIGEST_ANNOTATION,
  },
  'estargz+external-toc': {
    ...GZIP,
    tocPlace: 'external',
    packs: true,
    annotations: forStargz,
    knownBy: TOC_DIGEST_ANNOTATION,
  },
  'zstd:chunked': {
    ...ZSTD,
    annotations: (layer) => ({
      ...forStargz(layer),
      ...(layer.frames && positions('io.containers.zstd-chunked.', layer.frames)),
    }),
    knownBy: TOC_DIGEST_ANNOTATION,
  },
  'zstd:chunked+podman': { ...ZSTD, annotations: forPodman, knownBy: `${PODMAN}tarsplit-position` },
}
