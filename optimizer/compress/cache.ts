/**
 * Members that are already compressed, found by the bytes of the tar they hold. A layer of a million files has two million of them, so
 * they are kept in rows of numbers, not in objects.
 */

import type { StoredMember } from '../../image/estargz/write/layer.ts'
import type { Range } from '../../image/estargz/write/members.ts'
import type { Digest } from '../../image/types.ts'

/** start, end, at, size, first digest, number of digests */
const ROW = 6
const DIGEST_BYTES = 32

export class MemberCache {
  /** by first byte: no two members of one order share it */
  private readonly rows = new Map<number, number>()
  private numbers = new Float64Array(1024 * ROW)
  private used = 0
  private digests = Buffer.alloc(1024 * DIGEST_BYTES)
  private digestCount = 0
  /** of members whose bytes lie apart in the tar: few */
  private readonly scattered = new Map<number, readonly Range[]>()

  set(ranges: readonly Range[], { at, size, digests }: StoredMember): void {
    const first = ranges[0]
    if (first === undefined) return
    const row = this.used++
    if (this.used * ROW > this.numbers.length) this.numbers = grown(this.numbers)
    const end = ranges.length === 1 ? first.end : -1
    this.numbers.set([first.start, end, at, size, this.digestCount, digests.length], row * ROW)
    for (const digest of digests) this.addDigest(digest)
    this.rows.set(first.start, row)
    if (ranges.length === 1) this.scattered.delete(first.start)
    else this.scattered.set(first.start, ranges)
  }

  /** @returns the member that holds exactly these bytes */
  get(ranges: readonly Range[]): StoredMember | undefined {
    const first = ranges[0]
    const row = first && this.rows.get(first.start)
    if (first === undefined || row === undefined) return undefined
    const [, end = 0, at = 0, size = 0, digest = 0, count = 0] = this.numbers.subarray(
      row * ROW,
      (row + 1) * ROW,
    )
    const isSame =
      ranges.length === 1 ? end === first.end : isSameRanges(this.scattered.get(first.start), ranges)
    if (!isSame) return undefined
    return { at, size, digests: Array.from({ length: count }, (_, index) => this.digest(digest + index)) }
  }

  /** As `get`, of one range, without its digests. @returns compressed bytes */
  sizeOf(start: number, end: number): number | undefined {
    const row = this.rows.get(start)
    if (row === undefined || this.numbers[row * ROW + 1] !== end) return undefined
    return this.numbers[row * ROW + 3]
  }

  private addDigest(digest: Digest): void {
    const at = this.digestCount++ * DIGEST_BYTES
    if (at + DIGEST_BYTES > this.digests.length)
      this.digests = Buffer.concat([this.digests], 2 * this.digests.length)
    this.digests.write(digest.slice('sha256:'.length), at, 'hex')
  }

  private digest(index: number): Digest {
    return `sha256:${this.digests.toString('hex', index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)}`
  }
}

function grown(numbers: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const more = new Float64Array(2 * numbers.length)
  more.set(numbers)
  return more
}

const isSameRanges = (a: readonly Range[] | undefined, b: readonly Range[]): boolean =>
  a?.length === b.length && a.every(({ start, end }, at) => start === b[at]?.start && end === b[at]?.end)
