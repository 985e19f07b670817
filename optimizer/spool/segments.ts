/** A file that exists only as a list: parts of other files and of memory, in order. It can be read from anywhere. */
import { Readable } from 'node:stream'
import type { ByteRange } from '../../image/types.ts'
import { type FilePart, readParts } from '../compress/jobs.ts'

export type Segment = FilePart | Uint8Array

const sizeOf = (segment: Segment): number =>
  segment instanceof Uint8Array ? segment.length : segment.end - segment.start

export class Segments {
  readonly parts: Segment[] = []
  size = 0

  /** Neighbours in one file become one. */
  add(segment: Segment): void {
    const size = sizeOf(segment)
    if (size === 0) return
    this.size += size
    const last = this.parts.at(-1)
    const isNext =
      last !== undefined &&
      !(last instanceof Uint8Array) &&
      !(segment instanceof Uint8Array) &&
      last.file === segment.file &&
      last.end === segment.start
    if (isNext) this.parts[this.parts.length - 1] = { ...last, end: segment.end }
    else this.parts.push(segment)
  }

  open(range: ByteRange = { start: 0, end: this.size }): Readable {
    return Readable.from(readParts(this.cut(range)), { objectMode: false, highWaterMark: 512 << 10 })
  }

  private cut({ start, end }: ByteRange): Segment[] {
    const parts: Segment[] = []
    let at = 0
    for (const segment of this.parts) {
      const size = sizeOf(segment)
      const from = Math.max(0, start - at)
      const to = Math.min(size, end - at)
      at += size
      if (from >= to) continue
      if (segment instanceof Uint8Array) parts.push(segment.subarray(from, to))
      else parts.push({ file: segment.file, start: segment.start + from, end: segment.start + to })
    }
    return parts
  }
}
