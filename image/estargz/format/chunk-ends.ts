/**
 * Where the compressed bytes of each chunk end at the latest. A table of contents says where a chunk's member begins; what follows it up to the next
 * one may be headers, or copies of chunks that stand ahead. A reader on demand fetches no more of that than it has to. Pure.
 */
import { HeadstartError } from '../../../system/errors.ts'
import { textOf } from '../../../system/text/byte-path.ts'
import { CARRIER_HEAD_BYTES, CARRIER_TAIL, MAX_CARRIED_BYTES } from './carrier.ts'
import type { TocEntry } from './toc.ts'

/** What may follow the last chunk in its member: padding, and headers up to the next file with content. */
export const MAX_TRAILING_BYTES = 64 << 20

export const fault = (entry: TocEntry, what: string): HeadstartError =>
  new HeadstartError(
    'E_ESTARGZ',
    `the table of contents, ${JSON.stringify(textOf(entry.name.slice(0, 200)))}: ${what}`,
  )

const hasData = (entry: TocEntry): boolean =>
  (entry.type === 'reg' && (entry.size ?? 0) > 0) || entry.type === 'chunk'

interface Ahead {
  readonly offset: number
  /** its place in the table of contents */
  readonly at: number
}

/**
 * Chunks may stand ahead of their file, at the top of the blob, before everything else; all others are in the order of their files.
 * @param tocOffset where the data ends
 * @returns by the entries' places
 * @throws HeadstartError E_ESTARGZ: they stand otherwise
 */
export function chunkEnds(toc: readonly TocEntry[], tocOffset: number): number[] {
  const ends: number[] = new Array(toc.length)
  const ahead: Ahead[] = []
  const starts = fileOffsets(toc)
  let next = tocOffset
  let end = tocOffset
  for (let at = toc.length - 1; at >= 0; at--) {
    const entry = toc[at]
    if (entry === undefined || !hasData(entry)) continue
    const offset = entry.offset ?? 0
    if (offset >= tocOffset) throw fault(entry, `its data lies at ${offset}, the data ends at ${tocOffset}`)
    if (offset < (starts[at] ?? 0)) {
      ahead.push({ offset, at })
      continue
    }
    if (offset > next) throw fault(entry, 'its data lies after the data of the next entry')
    if (offset < next) end = next
    next = offset
    ends[at] = Math.min(end, offset + mostBytes(entry))
  }
  const copies = endAhead(toc, ahead, { next, ends })
  withoutCopies(toc, ends, copies)
  return ends
}

/** Bytes that a chunk's member has at the most, however badly it is compressed. */
function mostBytes({ size = 0, chunkSize = 0, innerOffset = 0 }: TocEntry): number {
  const content = innerOffset + Math.max(size, chunkSize) + MAX_TRAILING_BYTES
  return content + Math.ceil(content / 8)
}

/**
 * The ends of chunks in carriers, which stand one behind the other.
 * @param next where the first of all others begins
 * @returns their sizes, by their places; 0 of the last one, which other things may follow
 */
function endAhead(
  toc: readonly TocEntry[],
  ahead: Ahead[],
  { next, ends }: { readonly next: number; readonly ends: number[] },
): ReadonlyMap<number, number> {
  const sizes = new Map<number, number>()
  let limit = next
  for (const { offset, at } of ahead.sort((a, b) => b.offset - a.offset)) {
    const entry = toc[at]
    if (entry && offset >= limit)
      throw fault(entry, 'a chunk ahead of its file is not at the top of the blob')
    const isLast = limit === next
    const most = isLast ? limit : Math.max(offset + 1, limit - CARRIER_TAIL.length - CARRIER_HEAD_BYTES)
    const end = Math.min(most, offset + MAX_CARRIED_BYTES)
    ends[at] = end
    sizes.set(at, isLast ? 0 : end - offset)
    limit = offset
  }
  return sizes
}

/** Behind a chunk stand copies of those that follow it in the file and that are ahead: they are no part of it. */
function withoutCopies(toc: readonly TocEntry[], ends: number[], copies: ReadonlyMap<number, number>): void {
  if (copies.size === 0) return
  let behind = 0
  for (let at = toc.length - 1; at >= 0; at--) {
    const entry = toc[at]
    const copy = copies.get(at)
    const end = ends[at]
    if (copy !== undefined) behind += copy
    else if (entry && end !== undefined) {
      ends[at] = Math.max((entry.offset ?? 0) + 1, end - behind)
      behind = 0
    }
    if (entry?.type !== 'chunk') behind = 0
  }
}

/** Of each entry, where the data of the file that it belongs to begins. */
function fileOffsets(toc: readonly TocEntry[]): number[] {
  let start = 0
  return toc.map((entry) => {
    if (entry.type !== 'chunk') start = entry.offset ?? 0
    return start
  })
}
