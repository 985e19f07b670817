/**
 * Where the compressed bytes of each chunk end at the latest. A table of contents says where a chunk's member begins; what follows it up to the next
 * one may be headers. A reader on demand fetches no more of that than it has to. Pure.
 */
import { fault } from './faults.ts'
import type { TocEntry } from './toc.ts'

/** What may follow the last chunk in its member: padding, and headers up to the next file with content. */
export const MAX_TRAILING_BYTES = 64 << 20

const hasData = (entry: TocEntry): boolean =>
  (entry.type === 'reg' && (entry.size ?? 0) > 0) || entry.type === 'chunk'

export interface ChunkEnds {
  /** by the entries' places */
  readonly ends: readonly number[]
  /** where the first one's bytes begin */
  readonly start: number
}

/**
 * @param from the first entry that is not of a chain ahead
 * @param tocOffset where the data ends
 * @throws HeadstartError E_ESTARGZ: chunks that don't stand in the order of their entries
 */
export function chunkEnds(
  toc: readonly TocEntry[],
  { from, tocOffset }: { readonly from: number; readonly tocOffset: number },
): ChunkEnds {
  const ends: number[] = new Array(toc.length)
  let next = tocOffset
  let end = tocOffset
  for (let at = toc.length - 1; at >= from; at--) {
    const entry = toc[at]
    if (entry === undefined || !hasData(entry)) continue
    const offset = entry.offset ?? 0
    if (offset >= tocOffset) throw fault(entry, `its data is at ${offset}, but the data ends at ${tocOffset}`)
    if (offset > next) throw fault(entry, 'its data comes after the data of the next entry')
    if (offset < next) end = next
    next = offset
    ends[at] = Math.min(end, offset + mostBytes(entry))
  }
  return { ends, start: next }
}

/** Bytes that a chunk's member has at the most, however badly it is compressed. */
function mostBytes({ size = 0, chunkSize = 0, innerOffset = 0 }: TocEntry): number {
  const content = innerOffset + Math.max(size, chunkSize) + MAX_TRAILING_BYTES
  return content + Math.ceil(content / 8)
}
