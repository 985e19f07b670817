/**
 * The model: what a file costs when it is prefetched, and what its reads cost on demand. Pure arithmetic.
 *
 * Time goes by for bytes on the link, for round trips, and for what the runtime does with a chunk once it has its bytes: inflating, hashing,
 * a file in its cache. `npm run bench:decode` measures the last on the stargz snapshotter's own reader.
 */
import type { NetworkModel } from '../options.ts'
import { rangesOf, type StartupFile } from './startup.ts'

/** A chunk as the layer has it. */
export interface StoredChunk {
  readonly fileOffset: number
  readonly size: number
  /** compressed bytes */
  readonly stored: number
}

/** A byte of content, inflated, hashed and cached, on one core: 9.4 to 12.3 ns as measured. */
const DECODE_MS = 12e-6
/** And for each chunk, however small: 0.24 to 0.38 ms, and reading it from the cache. */
const CHUNK_MS = 0.5
/** What is prefetched is decoded on all cores while nothing else runs; a read waits for its own chunk. */
const CORES = 2

/** @param chunks of the content, or files, if they are small */
export const decodeMs = (content: number, chunks: number): number => content * DECODE_MS + chunks * CHUNK_MS
export const decodeAheadMs = (content: number, chunks: number): number => decodeMs(content, chunks) / CORES

export const bytesPerMs = ({ mbitPerSecond }: NetworkModel): number => (mbitPerSecond * 1e6) / 8 / 1000

export interface Costs {
  /** compressed bytes of the whole file */
  readonly bytes: number
  /** its bytes, in one request with all others, and decoding them */
  readonly prefetchMs: number
  /** its reads, one after the other, as faults come: for each a request, what the runtime fetches for it, and decoding that chunk */
  readonly onDemandMs: number
  /** compressed bytes that those reads fetch */
  readonly onDemandBytes: number
}

/** @param file undefined when it is not known what the start reads of it: then all */
export function costsOf(
  chunks: readonly StoredChunk[],
  size: number,
  file: StartupFile | undefined,
  network: NetworkModel,
): Costs {
  const { latencyMs, readBytes = 0 } = network
  const perMs = bytesPerMs(network)
  const bytes = chunks.reduce((sum, { stored }) => sum + stored, 0)
  const touched = touchedChunks(chunks, file ? rangesOf(file, size) : [[0, size]])
  const { requests, fetched } = fetches(touched, bytes, readBytes)
  const content = touched.reduce((sum, chunk) => sum + chunk.size, 0)
  return {
    bytes,
    prefetchMs: bytes / perMs + decodeAheadMs(size, chunks.length),
    onDemandMs: requests * latencyMs + fetched / perMs + decodeMs(content, touched.length),
    onDemandBytes: fetched,
  }
}

interface Touched {
  /** of its compressed bytes, from the file's first chunk on */
  readonly start: number
  readonly end: number
  readonly size: number
}

/** The chunks that the ranges touch. */
function touchedChunks(
  chunks: readonly StoredChunk[],
  ranges: readonly (readonly [number, number])[],
): Touched[] {
  const touched: Touched[] = []
  let at = 0
  let start = 0
  for (const { fileOffset, size, stored } of chunks) {
    while ((ranges[at]?.[1] ?? Number.POSITIVE_INFINITY) <= fileOffset) at++
    if ((ranges[at]?.[0] ?? Number.POSITIVE_INFINITY) < fileOffset + size)
      touched.push({ start, end: start + stored, size })
    start += stored
  }
  return touched
}

/** What is fetched once is not fetched again. */
function fetches(touched: readonly Touched[], bytes: number, readBytes: number) {
  let [requests, fetched, until] = [0, 0, 0]
  for (const { start, end } of touched) {
    const wanted = Math.min(Math.max(end, start + readBytes), bytes)
    if (end <= until) continue
    requests++
    fetched += wanted - Math.max(start, until)
    until = wanted
  }
  return { requests, fetched }
}
