/** Opens a layer for lazy reading: its table of contents, and its bytes by range, counted by why they are fetched. */
import { TOC_DIGEST_ANNOTATION } from '../../../image/estargz/format/toc.ts'
import {
  type EstargzLayer,
  type ExternalToc,
  openEstargz,
  type RangeFetch,
} from '../../../image/estargz/read/reader.ts'
import { fetchFrom } from '../../../image/layers/estargz.ts'
import type { Layer } from '../../../image/types.ts'
import { HeadstartError } from '../../../system/errors.ts'
import type { Counters } from '../messages.ts'
import type { LazyLayer } from './content.ts'

/** This many bytes at a blob's end usually include the table of contents along with the footer. */
const TAIL_BYTES = 128 << 10

/**
 * @param where for errors: `layer 2 of 5`
 * @throws HeadstartError E_NOT_ESTARGZ, and what reading a table of contents throws
 */
export async function openLayer(
  layer: Layer,
  { toc: counter }: Counters,
  where: string,
): Promise<EstargzLayer> {
  const { size, annotations } = layer.descriptor
  const tocDigest = annotations?.[TOC_DIGEST_ANNOTATION]
  if (tocDigest === undefined)
    throw new HeadstartError('E_NOT_ESTARGZ', `${where} can't be read lazily: it is not an eStargz layer`, {
      hint: 'Convert the image with: headstart optimize',
    })
  const externalToc = layer.externalToc && countedToc(layer.externalToc, counter)
  const fetch = fetchFrom(layer)
  const counted: RangeFetch = async (range, signal) => {
    counter.requests++
    const bytes = await fetch(range, signal)
    counter.bytes += bytes.length
    return bytes
  }
  return openEstargz(size, tailFirst(size, counted), { tocDigest, externalToc })
}

type Traffic = Counters['toc']

const countedToc =
  (toc: ExternalToc, counter: Traffic): ExternalToc =>
  async (signal) => {
    counter.requests++
    const bytes = await toc(signal)
    counter.bytes += bytes.length
    return bytes
  }

/** Answers the requests for a blob's end from one larger one. */
function tailFirst(size: number, fetch: RangeFetch): RangeFetch {
  const tailStart = Math.max(0, size - TAIL_BYTES)
  let tail: Promise<Buffer> | undefined
  return async ({ start, end }, signal) => {
    tail ??= fetch({ start: tailStart, end: size }, signal)
    const known = await tail
    if (start >= tailStart) return known.subarray(start - tailStart, end - tailStart)
    if (end <= tailStart) return fetch({ start, end }, signal)
    const rest = await fetch({ start, end: tailStart }, signal)
    return Buffer.concat([rest, known.subarray(0, end - tailStart)])
  }
}

/** Bytes of the layer's blob as they arrive, each counted. */
export const countedStream = (layer: Pick<Layer, 'open'>, counters: Counters): LazyLayer['stream'] =>
  async function* (range, reason) {
    const counter = counters[reason]
    counter.requests++
    for await (const piece of await layer.open(range)) {
      counter.bytes += piece.length
      yield piece
    }
  }
