/** The model: what a file costs when it is prefetched, and what its reads cost on demand. Pure arithmetic. */
import type { NetworkModel } from '../options.ts'
import { rangesOf, type StartupFile } from './startup.ts'

/** A chunk as the layer has it. */
export interface StoredChunk {
  readonly fileOffset: number
  readonly size: number
  /** compressed bytes */
  readonly stored: number
}

export const bytesPerMs = ({ mbitPerSecond }: NetworkModel): number => (mbitPerSecond * 1e6) / 8 / 1000

export interface Costs {
  /** compressed bytes of the whole file */
  readonly bytes: number
  /** its bytes, in one request with all others */
  readonly prefetchMs: number
  /** its reads, one after the other, as faults come: for each a request and what the runtime fetches for it */
  readonly onDemandMs: number
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
  const touched = touchedStretches(chunks, file ? rangesOf(file, size) : [[0, size]])
  const { requests, fetched } = fetches(touched, bytes, readBytes)
  return { bytes, prefetchMs: bytes / perMs, onDemandMs: requests * latencyMs + fetched / perMs }
}

/** Compressed stretches [start, end) of the chunks that the ranges touch, counted from the file's first chunk. */
function touchedStretches(
  chunks: readonly StoredChunk[],
  ranges: readonly (readonly [number, number])[],
): [number, number][] {
  const touched: [number, number][] = []
  let at = 0
  let start = 0
  for (const { fileOffset, size, stored } of chunks) {
    while ((ranges[at]?.[1] ?? Number.POSITIVE_INFINITY) <= fileOffset) at++
    if ((ranges[at]?.[0] ?? Number.POSITIVE_INFINITY) < fileOffset + size)
      touched.push([start, start + stored])
    start += stored
  }
  return touched
}

/** What is fetched once is not fetched again. */
function fetches(touched: readonly (readonly [number, number])[], bytes: number, readBytes: number) {
  let [requests, fetched, until] = [0, 0, 0]
  for (const [start, end] of touched) {
    const wanted = Math.min(Math.max(end, start + readBytes), bytes)
    if (end <= until) continue
    requests++
    fetched += wanted - Math.max(start, until)
    until = wanted
  }
  return { requests, fetched }
}
