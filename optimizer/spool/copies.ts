/**
 * How much of a split layer's data are copies of what its carriers hold. No chunk begins those members, so they are not counted with the chunks; but
 * memory is taken for them.
 */
import { carriedChunks, type EstargzEntry } from '../../image/estargz/format/entries.ts'

/** A table of contents can claim any. */
const MAX_COPIED_BYTES = 1 << 30

/** A split file's. */
interface OwnCopies {
  /** of the blob: where the file begins, and where the next one does */
  readonly start: number
  readonly end: number
  readonly bytes: number
}

export class Copies {
  private readonly files: readonly OwnCopies[]
  /** the first that is not wholly behind */
  private next = 0

  /** @param entries all of a layer's, in blob order */
  constructor(entries: readonly EstargzEntry[]) {
    this.files = copiesOf(entries)
  }

  get isEmpty(): boolean {
    return this.files.length === 0
  }

  /** Uncompressed bytes that may lie in a part of the blob, at the most. Parts are asked for in their order. */
  bytesIn(start: number, end: number): number {
    while ((this.files[this.next]?.end ?? end) <= start) this.next++
    let bytes = 0
    for (let at = this.next; (this.files[at]?.start ?? end) < end; at++) bytes += this.files[at]?.bytes ?? 0
    return Math.min(bytes, MAX_COPIED_BYTES)
  }
}

function copiesOf(entries: readonly EstargzEntry[]): OwnCopies[] {
  const copies: OwnCopies[] = []
  let end = Number.POSITIVE_INFINITY
  for (const entry of entries.toReversed()) {
    const { offset } = entry
    if (offset === undefined) continue
    const bytes = carriedChunks(entry).reduce((sum, { size }) => sum + size, 0)
    if (bytes > 0) copies.push({ start: offset, end, bytes })
    end = offset
  }
  return copies.reverse()
}
