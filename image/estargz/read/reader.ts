/**
 * Opens an eStargz layer without having all of it: footer and table of contents are read through a fetch function that is passed in, and
 * checked. They say where each chunk of each file lies; see decode.ts for how chunks are read.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { inTurns } from '../../../system/steps.ts'
import { type ByteRange, type Digest, digestOf } from '../../digest.ts'
import { TarScanner } from '../../tar/scan.ts'
import { type Contents, contentsInSteps } from '../format/entries.ts'
import { EXTERNAL_FOOTER, FOOTER_BYTES, isExternalFooter, parseFooter } from '../format/footer.ts'
import type { Codec, TocPlace } from '../format/formats.ts'
import { parseToc, TOC_NAME, type TocEntry } from '../format/toc.ts'
import { parseZstdFooter, SKIPPABLE_HEAD_BYTES } from '../format/zstd-footer.ts'

export type { Chunk, EstargzEntry } from '../format/entry.ts'

/** Gives exactly the bytes asked for, or fails. */
export type RangeFetch = (range: ByteRange, signal?: AbortSignal) => Promise<Buffer>

export interface EstargzLayer extends Contents {
  /** of its members: gzip in eStargz, zstd in zstd:chunked */
  readonly codec: Codec
  readonly tocPlace: TocPlace
  /** bytes of the blob */
  readonly size: number
  /** where the data ends: at the TOC's member, or at the footer of a layer without one */
  readonly tocOffset: number
  /** sha256 of the TOC's JSON */
  readonly tocDigest: Digest
  /** of TOC and footer, which are fetched before anything else */
  readonly tocBytes: number
  /** the JSON's entries, landmarks among them */
  readonly toc: readonly TocEntry[]
}

/** Checked before memory is allocated for it. The TOC of a million files has about 30 MB compressed and 300 MB unpacked. */
export const MAX_TOC_COMPRESSED = 128 << 20
export const MAX_TOC_BYTES = 480 << 20

export interface OpenOptions {
  /** from the layer's annotation; without it the TOC is not checked */
  readonly tocDigest?: string | undefined
  /** Gives the stored table of contents of a layer that has none in its blob. */
  readonly externalToc?: ExternalToc | undefined
  /** where the stored table of contents is in a layer of zstd frames that has no footer which says so */
  readonly tocAt?: ByteRange | undefined
  readonly signal?: AbortSignal | undefined
}

/** @throws HeadstartError E_NO_TOC: there is none */
export type ExternalToc = (signal?: AbortSignal) => Promise<Buffer>

/** A table of contents whose digest is right, if that is known, and whose content may be anything. */
export interface FetchedToc {
  readonly json: Buffer
  readonly place: PlaceOfToc
  readonly layer: Pick<EstargzLayer, 'size' | 'tocDigest' | 'tocBytes'>
}

/**
 * @param size bytes of the blob
 * @throws HeadstartError E_NOT_ESTARGZ: the blob has no footer; E_NO_TOC: its TOC would be in a separate image, and isn't at hand; E_ESTARGZ:
 * damaged; E_DIGEST: not the TOC of the annotation
 */
export const openEstargz = async (
  size: number,
  fetch: RangeFetch,
  options: OpenOptions = {},
): Promise<EstargzLayer> => parseLayer(await fetchToc(size, fetch, options))

/** The first half of `openEstargz`, which waits for others. */
export async function fetchToc(
  size: number,
  fetch: RangeFetch,
  options: OpenOptions = {},
): Promise<FetchedToc> {
  const { signal } = options
  const tail =
    size === 0 ? Buffer.alloc(0) : await fetch({ start: Math.max(0, size - FOOTER_BYTES), end: size }, signal)
  const place = placeOfToc(tail, size) ?? (options.tocAt && behindTar(options.tocAt))
  if (place === undefined)
    throw new HeadstartError('E_NOT_ESTARGZ', 'not an eStargz layer', {
      hint: 'Convert the image with: headstart optimize',
    })
  const { codec, dataEnd, range } = place
  if (range && range.end - range.start > MAX_TOC_COMPRESSED)
    throw new HeadstartError(
      'E_ESTARGZ',
      `the table of contents is too large: ${range.end - range.start} bytes compressed`,
    )
  const stored = await (range ? fetch(range, signal) : (options.externalToc ?? notAtHand)(signal))
  const json = TOC_OF[codec](stored)
  const tocDigest = digestOf(json)
  if (options.tocDigest !== undefined && options.tocDigest !== tocDigest)
    throw new HeadstartError(
      'E_DIGEST',
      `the table of contents has the digest ${tocDigest}; the manifest says ${options.tocDigest}`,
      { hint: 'The layer changed after it was annotated; convert the image again' },
    )
  return { json, place, layer: { size, tocDigest, tocBytes: size - dataEnd + (range ? 0 : stored.length) } }
}

/** The second half, which keeps the process busy. @throws HeadstartError E_ESTARGZ */
export async function parseLayer({ json, place, layer }: FetchedToc): Promise<EstargzLayer> {
  const { codec, tocPlace, dataEnd: tocOffset } = place
  await nextTurn() // for what was asked for just now
  const toc = parseToc(json)
  const contents = await inTurns(contentsInSteps(toc, tocOffset))
  if (codec === 'zstd' && contents.chains.length > 0)
    throw new HeadstartError('E_ESTARGZ', 'the table of contents has ranges ahead, which only gzip can have')
  return { ...contents, codec, tocPlace, ...layer, tocOffset, toc }
}

const notAtHand: ExternalToc = () => {
  throw new HeadstartError('E_NO_TOC', 'its table of contents is in a separate image, which was not found', {
    hint: 'Refer to the image by its tag in the registry: the separate image has the same tag with -esgztoc at the end',
  })
}

export interface PlaceOfToc {
  readonly codec: Codec
  readonly tocPlace: TocPlace
  readonly dataEnd: number
  /** of its stored bytes; undefined: it isn't in the blob */
  readonly range: ByteRange | undefined
}

function placeOfToc(tail: Buffer, size: number): PlaceOfToc | undefined {
  if (isExternalFooter(tail))
    return { codec: 'gzip', tocPlace: 'external', dataEnd: size - EXTERNAL_FOOTER.length, range: undefined }
  const footer = parseFooter(tail, size)
  if (footer) {
    const range = { start: footer.tocOffset, end: footer.start }
    return { codec: 'gzip', tocPlace: 'in-tar', dataEnd: footer.tocOffset, range }
  }
  const frame = parseZstdFooter(tail, size)
  return frame && behindTar({ start: frame.offset, end: frame.offset + frame.size })
}

const behindTar = (range: ByteRange): PlaceOfToc => ({
  codec: 'zstd',
  tocPlace: 'behind-tar',
  dataEnd: range.start - SKIPPABLE_HEAD_BYTES,
  range,
})

const TOC_OF: Readonly<Record<Codec, (stored: Buffer) => Buffer>> = {
  gzip: unpackToc,
  zstd: unpackZstdToc,
}

/** @param stored one frame. @returns the JSON */
function unpackZstdToc(stored: Buffer): Buffer {
  try {
    return zstdDecompressSync(stored, { maxOutputLength: MAX_TOC_BYTES })
  } catch (cause) {
    throw cantUnpack(cause)
  }
}

const cantUnpack = (cause: unknown): HeadstartError =>
  new HeadstartError('E_ESTARGZ', `the table of contents can't be unpacked: ${messageOf(cause)}`, { cause })

/** @param member the TOC's gzip member. @returns the JSON */
export function unpackToc(member: Buffer): Buffer {
  let tar: Buffer
  try {
    const chunkSize = Math.min(Math.max(8 * member.length, 4096), 1 << 20)
    tar = gunzipSync(member, { maxOutputLength: MAX_TOC_BYTES, chunkSize })
  } catch (cause) {
    throw cantUnpack(cause)
  }
  const scanner = new TarScanner()
  const pieces: Buffer[] = []
  let name: string | undefined
  for (const event of scanner.push(tar)) {
    if (event.kind === 'data') pieces.push(event.bytes)
    else if (name === undefined) name = event.entry.path
    else break
  }
  if (name !== TOC_NAME)
    throw new HeadstartError('E_ESTARGZ', `the footer points to ${JSON.stringify(name)}, not to ${TOC_NAME}`)
  scanner.finish()
  return Buffer.concat(pieces)
}
