/**
 * Decides where gzip members begin and end. Pure.
 *
 * A member holds a chunk and nothing else, or what stands between two files' content: padding, then headers. So a chunk's compressed
 * bytes depend on its content alone, and can be copied when a layer is put into another order; and a reader fetches a chunk
 * without the headers of others. With `minChunkSize`, small files that follow each other share a member, headers between them.
 *
 * Source: eStargz specification, "Gzip members": a member must begin at each chunk, and may begin anywhere.
 */

/** Half-open bytes of the spool, the uncompressed tar. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Where an entry lies in the spool: `[start, content)` are its headers, `[content, content + size)` its content, then padding. */
export interface Place {
  readonly start: number
  readonly content: number
  readonly size: number
  /** with padding: where the next entry begins */
  readonly end: number
}

export interface ChunkPlace<P extends Place> {
  readonly place: P
  /** in the file */
  readonly fileOffset: number
  readonly size: number
  /** in the member */
  readonly innerOffset: number
}

export interface Member<P extends Place> {
  /** ascending only where entries kept their order */
  readonly ranges: readonly Range[]
  readonly size: number
  readonly chunks: readonly ChunkPlace<P>[]
}

export interface CutOptions<P extends Place> {
  chunkSizeOf(place: P): number
  /** sizes of a file's chunks, all of them, where they are not equal: such a file shares no member */
  cutsOf?(place: P): readonly number[] | undefined
  /** small files that follow each other share a member until it has this many bytes; 0: none do */
  readonly minChunkSize: number
  /** true for what must have a member of its own: a landmark */
  isAlone(place: P): boolean
}

/** A gap is cut at this size: a member must be small enough to be compressed in memory. */
export const MAX_GAP_BYTES = 1 << 20

interface Open<P extends Place> {
  ranges: Range[]
  size: number
  chunks: ChunkPlace<P>[]
}

const nothing = <P extends Place>(): Open<P> => ({ ranges: [], size: 0, chunks: [] })

function extend<P extends Place>(open: Open<P>, range: Range): void {
  if (range.start === range.end) return
  const last = open.ranges.at(-1)
  if (last?.end === range.start) open.ranges[open.ranges.length - 1] = { start: last.start, end: range.end }
  else open.ranges.push(range)
  open.size += range.end - range.start
}

/** Takes entries in output order and gives members in output order. */
export class MemberCutter<P extends Place> {
  private readonly options: CutOptions<P>
  /** small files that may be joined by the next */
  private group: Open<P> | undefined
  private gap: Open<P> = nothing()

  constructor(options: CutOptions<P>) {
    this.options = options
  }

  add(place: P): Member<P>[] {
    const out: Member<P>[] = []
    extend(this.gap, { start: place.start, end: place.content })
    if (this.gap.size >= MAX_GAP_BYTES) this.closeGap(out)
    if (place.size === 0) return out
    if (!this.join(place)) {
      this.closeGap(out)
      this.cutFile(place, out)
    }
    extend(this.gap, { start: place.content + place.size, end: place.end })
    return out
  }

  /** @param tail what follows the last entry */
  finish(tail?: Range): Member<P>[] {
    const out: Member<P>[] = []
    if (tail) extend(this.gap, tail)
    this.closeGap(out)
    return out
  }

  /** Puts a small file into the open group. @returns false: it has to begin a member */
  private join(place: P): boolean {
    const { group } = this
    if (group === undefined || group.size >= this.options.minChunkSize || !this.mayShare(place)) return false
    for (const range of this.gap.ranges) extend(group, range)
    this.gap = nothing()
    group.chunks.push({ place, fileOffset: 0, size: place.size, innerOffset: group.size })
    extend(group, { start: place.content, end: place.content + place.size })
    return true
  }

  private mayShare(place: P): boolean {
    const { chunkSizeOf, cutsOf, isAlone } = this.options
    return place.size <= chunkSizeOf(place) && !isAlone(place) && cutsOf?.(place) === undefined
  }

  private closeGap(out: Member<P>[]): void {
    if (this.group) out.push(this.group)
    this.group = undefined
    for (const piece of split<P>(this.gap.ranges)) out.push(piece)
    this.gap = nothing()
  }

  private cutFile(place: P, out: Member<P>[]): void {
    const { chunkSizeOf, cutsOf, isAlone, minChunkSize } = this.options
    const cuts = cutsOf?.(place)
    for (const { fileOffset, size } of cuts ? unequal(cuts) : equal(place.size, chunkSizeOf(place))) {
      const start = place.content + fileOffset
      const chunk = { place, fileOffset, size, innerOffset: 0 }
      const member = { ranges: [{ start, end: start + size }], size, chunks: [chunk] }
      const mayGrow = cuts === undefined && size < minChunkSize && fileOffset + size === place.size
      if (mayGrow && !isAlone(place)) this.group = member
      else out.push(member)
    }
  }
}

function* equal(total: number, chunkSize: number): Generator<{ fileOffset: number; size: number }> {
  for (let fileOffset = 0; fileOffset < total; fileOffset += chunkSize)
    yield { fileOffset, size: Math.min(chunkSize, total - fileOffset) }
}

function* unequal(sizes: readonly number[]): Generator<{ fileOffset: number; size: number }> {
  let fileOffset = 0
  for (const size of sizes) {
    yield { fileOffset, size }
    fileOffset += size
  }
}

function* split<P extends Place>(ranges: readonly Range[]): Generator<Member<P>> {
  let piece = nothing<P>()
  for (const { start, end } of ranges) {
    for (let at = start; at < end; ) {
      const length = Math.min(end - at, MAX_GAP_BYTES - piece.size)
      extend(piece, { start: at, end: at + length })
      at += length
      if (piece.size < MAX_GAP_BYTES) continue
      yield piece
      piece = nothing()
    }
  }
  if (piece.size > 0) yield piece
}

/** All members of entries that are in output order. */
export function* cutMembers<P extends Place>(
  places: Iterable<P>,
  options: CutOptions<P> & { readonly tail?: Range | undefined },
): Generator<Member<P>> {
  const cutter = new MemberCutter(options)
  for (const place of places) yield* cutter.add(place)
  yield* cutter.finish(options.tail)
}
