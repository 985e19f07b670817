/**
 * Compares a file of the tar with its chunks, of which some stand in carriers: a lazy runtime reads those, an old one the tar, and both must
 * read the same.
 */
import { createHash } from 'node:crypto'
import { textOf } from '../../../system/text/byte-path.ts'
import type { Chunk, EstargzEntry } from '../format/entries.ts'
import type { Report } from './report.ts'

/** Of a file whose beginning stands ahead: the same chunk where the file is said to lie, which is how far the one before it reaches. */
export function copyOfFirst({ chunks: [first], offset }: EstargzEntry): Chunk | undefined {
  if (first === undefined || offset === undefined || first.offset >= offset) return undefined
  return { ...first, offset, end: Number.POSITIVE_INFINITY }
}

export class PieceVerifier {
  private readonly entry: EstargzEntry
  private readonly report: Report
  private index = 0
  private hash = createHash('sha256')
  /** bytes of the chunk that are still to come */
  private left: number

  constructor(entry: EstargzEntry, report: Report) {
    this.entry = entry
    this.report = report
    this.left = entry.chunks[0]?.size ?? 0
  }

  /** @param bytes the file's next */
  update(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && this.left > 0; ) {
      const piece = bytes.subarray(at, at + this.left)
      this.hash.update(piece)
      at += piece.length
      this.left -= piece.length
      if (this.left === 0) this.close()
    }
  }

  private close(): void {
    const chunk = this.entry.chunks[this.index]
    const digest = `sha256:${this.hash.digest('hex')}`
    if (chunk?.digest !== digest)
      this.report(
        `has the digest ${digest} in the tar from byte ${chunk?.fileOffset} on, its chunk says ${chunk?.digest}`,
        textOf(this.entry.path),
      )
    this.index++
    this.hash = createHash('sha256')
    this.left = this.entry.chunks[this.index]?.size ?? 0
  }
}
