/** Opens a layer for lazy reading: its table of contents, and its bytes by range, counted by why they are fetched. */
import { TOC_DIGEST_ANNOTATION } from '../../../image/estargz/format/toc.ts'
import {
  type EstargzLayer,
  type ExternalToc,
  fetchToc,
  openEstargz,
  parseLayer,
  type RangeFetch,
} from '../../../image/estargz/read/reader.ts'
import { checkZone, type ZoneGroup, zoneFirst } from '../../../image/estargz/read/zone-first.ts'
import { fetchFrom as rangeFetchOf } from '../../../image/layers/estargz.ts'
import type { Blob, ByteRange, Digest, Layer } from '../../../image/types.ts'
import { HeadstartError } from '../../../system/errors.ts'
import type { Counters } from '../messages.ts'
import type { KeptTocs } from './cache/documents.ts'
import type { LazyLayer } from './content.ts'

/**
 * What is asked for of a blob's end at first: most of the table of contents, if not all, and little else. More would cost more time on most links
 * than the second request that it saves.
 */
const tailBytes = (size: number): number => Math.min(256 << 10, Math.max(8 << 10, Math.ceil(size / 256)))

type LayerBlob = Omit<Layer, 'diffId'>

export interface LayerPlace {
  readonly counters: Counters
  /** of mounts before this one */
  readonly kept: KeptTocs | undefined
  /** Parsing keeps this process busy, and waits for what should not wait for it. */
  readonly before?: Promise<unknown> | undefined
  /** Told while the rest of the table of contents is yet to be read, unless it was kept: what has been fetched then is, too. */
  readonly onZone?: (zone: readonly ZoneGroup[]) => void
  /** for errors: `layer 2 of 5` */
  readonly where: string
}

/** @throws HeadstartError E_NOT_ESTARGZ, and what reading a table of contents throws */
export async function openLayer(
  layer: LayerBlob,
  { counters, kept, before, onZone, where }: LayerPlace,
): Promise<EstargzLayer> {
  const { digest, size, annotations } = layer.descriptor
  const tocDigest = annotations?.[TOC_DIGEST_ANNOTATION]
  if (tocDigest === undefined)
    throw new HeadstartError('E_NOT_ESTARGZ', `${where} can't be read lazily: it is not an eStargz layer`, {
      hint: 'Convert the image with: headstart optimize',
    })
  const known = kept && (await openKept(kept, { digest, size, tocDigest }))
  if (known) return known
  const tail = tailOf(layer, counters.toc)
  let external: Buffer | undefined
  const externalToc =
    layer.externalToc &&
    counted(layer.externalToc, counters.toc, (bytes) => {
      external = bytes
    })
  const toc = await fetchToc(size, tail.fetch, { tocDigest, externalToc })
  const zone = onZone ? zoneFirst(toc) : []
  onZone?.(zone)
  await before
  const opened = await parseLayer(toc)
  checkZone(zone, opened)
  kept?.put(digest, { tail: await tail.from(opened.tocOffset), ...(external && { external }) })
  return opened
}

interface KeptLayer {
  readonly digest: Digest
  readonly size: number
  readonly tocDigest: string
}

/** @returns undefined: there is none, or it was damaged */
async function openKept(
  kept: KeptTocs,
  { digest, size, tocDigest }: KeptLayer,
): Promise<EstargzLayer | undefined> {
  const toc = await kept.get(digest)
  if (toc === undefined) return undefined
  const { tail, external } = toc
  const start = size - tail.length
  const fetch: RangeFetch = async (range) => {
    if (range.start < start) throw new Error('it is not kept')
    return tail.subarray(range.start - start, range.end - start)
  }
  try {
    return await openEstargz(size, fetch, {
      tocDigest,
      ...(external && { externalToc: async () => external }),
    })
  } catch {
    await kept.remove(digest)
    return undefined
  }
}

type Traffic = Counters['toc']

function counted(toc: ExternalToc, counter: Traffic, onBytes: (bytes: Buffer) => void): ExternalToc {
  return async (signal) => {
    counter.requests++
    const bytes = await toc(signal)
    counter.bytes += bytes.length
    onBytes(bytes)
    return bytes
  }
}

/** A blob's end, which is fetched in one request if it has no more than is usual. */
function tailOf(layer: Blob, counter: Traffic) {
  const { size } = layer.descriptor
  const fetchFrom = rangeFetchOf(layer)
  const fetch = async (start: number, end: number): Promise<Buffer> => {
    counter.requests++
    const bytes = await fetchFrom({ start, end })
    counter.bytes += bytes.length
    return bytes
  }
  let start = Math.max(0, size - tailBytes(size))
  let tail: Promise<Buffer> | undefined
  /** From there to the blob's end. */
  const from = async (wanted: number): Promise<Buffer> => {
    tail ??= fetch(start, size)
    const known = await tail
    if (wanted >= start) return known.subarray(wanted - start)
    const rest = await fetch(wanted, start)
    tail = Promise.resolve(Buffer.concat([rest, known]))
    start = wanted
    return tail
  }
  return {
    from,
    fetch: async (range: ByteRange) => (await from(range.start)).subarray(0, range.end - range.start),
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
