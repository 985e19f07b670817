/** The model: what a file's bytes cost ahead of the landmark, and what its reads cost on demand. Pure arithmetic. */
import type { NetworkModel } from './options.ts'
import { rangesOf, type StartupFile } from './startup.ts'

/** A chunk as the layer has it. */
export interface StoredChunk {
  readonly fileOffset: number
  readonly size: number
  /** compressed bytes */
  readonly stored: number
}

export interface Costs {
  /** compressed bytes of the whole file */
  readonly bytes: number
  /** its bytes, in one request with all others */
  readonly aheadMs: number
  /** a request and its bytes for each chunk that the start touches: reads come one after the other, as faults do */
  readonly onDemandMs: number
}

/** @param file undefined when it is not known what the start reads of it: then all */
export function costsOf(
  chunks: readonly StoredChunk[],
  size: number,
  file: StartupFile | undefined,
  { mbitPerSecond, latencyMs }: NetworkModel,
): Costs {
  const bytesPerMs = (mbitPerSecond * 1e6) / 8 / 1000
  const ranges = file ? rangesOf(file, size) : [[0, size] as const]
  let bytes = 0
  let touched = 0
  let requests = 0
  let at = 0
  for (const { fileOffset, size: length, stored } of chunks) {
    bytes += stored
    while ((ranges[at]?.[1] ?? Number.POSITIVE_INFINITY) <= fileOffset) at++
    if ((ranges[at]?.[0] ?? Number.POSITIVE_INFINITY) >= fileOffset + length) continue
    touched += stored
    requests++
  }
  return { bytes, aheadMs: bytes / bytesPerMs, onDemandMs: requests * latencyMs + touched / bytesPerMs }
}
