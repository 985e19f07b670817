/**
 * Which byte ranges of a file would go ahead of the landmark without the rest of it, and what that costs. Pure.
 */
import { MAX_CARRIED_BYTES } from '../../image/estargz/format/carrier.ts'
import { MAX_HOT_CHUNK_BYTES } from '../../image/estargz/write/hot-ranges.ts'
import type { NetworkModel } from '../options.ts'
import { bytesPerMs, decodeAheadMs, type StoredChunk } from './cost.ts'
import { rangesOf, type StartupFile } from './startup.ts'

/** Half-open bytes of a file. */
export type ByteSpan = readonly [start: number, end: number]

export interface Split {
  /** ascending, apart */
  readonly ranges: readonly ByteSpan[]
  /** compressed bytes of them, about */
  readonly bytes: number
  /** chunks they make, about */
  readonly chunks: number
  readonly ms: number
}

/** What the kernel reads at once. */
const PAGE = 4096
/** What a carrier adds to its bytes, with a member's own frame. */
const CARRIER_BYTES = 52 + 30
/**
 * A chunk's entries in the table of contents, of the copy, of the chunk in its place, and of what stays behind it, most of each its digest; and what
 * compression loses where it begins again.
 */
const CHUNK_BYTES = 600

type Part = Omit<Split, 'ranges'>

/** @param chunks of the file as it is stored: what is between their borders is taken in proportion */
export function splitOf(
  chunks: readonly StoredChunk[],
  size: number,
  file: StartupFile,
  network: NetworkModel,
): Split {
  const stored = storedBefore(chunks)
  const price = ([start, end]: ByteSpan): Part => {
    const packed = stored(end) - stored(start)
    const count = Math.ceil((end - start) / MAX_HOT_CHUNK_BYTES)
    const bytes = packed + Math.ceil(packed / MAX_CARRIED_BYTES) * CARRIER_BYTES
    const ms = (bytes + count * CHUNK_BYTES) / bytesPerMs(network) + decodeAheadMs(end - start, count)
    return { bytes, chunks: count, ms }
  }
  const ranges: ByteSpan[] = []
  for (const [start, end] of rangesOf(file, size)) {
    const next: ByteSpan = [Math.floor(start / PAGE) * PAGE, Math.min(Math.ceil(end / PAGE) * PAGE, size)]
    if (next[0] >= next[1]) continue
    const last = ranges.at(-1)
    const both: ByteSpan = [last?.[0] ?? 0, Math.max(next[1], last?.[1] ?? 0)]
    const isOne = last && (next[0] <= last[1] || price(both).ms <= price(last).ms + price(next).ms)
    if (isOne) ranges[ranges.length - 1] = both
    else ranges.push(next)
  }
  return { ranges, ...sum(ranges.map(price)) }
}

const sum = (parts: readonly Part[]): Part =>
  parts.reduce(
    (all, part) => ({
      bytes: all.bytes + part.bytes,
      chunks: all.chunks + part.chunks,
      ms: all.ms + part.ms,
    }),
    { bytes: 0, chunks: 0, ms: 0 },
  )

/** @returns compressed bytes before a byte of the file */
function storedBefore(chunks: readonly StoredChunk[]): (offset: number) => number {
  const sums: number[] = []
  let total = 0
  for (const { stored } of chunks) {
    sums.push(total)
    total += stored
  }
  return (offset) => {
    let [low, high] = [0, chunks.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((chunks[middle]?.fileOffset ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    const chunk = chunks[low - 1]
    if (chunk === undefined) return 0
    const share = Math.min(1, (offset - chunk.fileOffset) / Math.max(1, chunk.size))
    return (sums[low - 1] ?? 0) + share * chunk.stored
  }
}
