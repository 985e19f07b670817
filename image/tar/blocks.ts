/** Whole blocks of a tar from pieces of any size. */
import { BLOCK } from './entry.ts'

export class BlockReader {
  private partial = Buffer.alloc(0)

  get isEmpty(): boolean {
    return this.partial.length === 0
  }

  /** Blocks outlive the bytes pushed, so they are copied. @returns undefined bytes: more are needed */
  take(bytes: Buffer, at: number): { bytes: Buffer | undefined; used: number } {
    const used = Math.min(BLOCK - this.partial.length, bytes.length - at)
    if (this.partial.length + used < BLOCK) {
      this.partial = Buffer.concat([this.partial, bytes.subarray(at)])
      return { bytes: undefined, used }
    }
    const block = Buffer.concat([this.partial, bytes.subarray(at, at + used)])
    if (!this.isEmpty) this.partial = Buffer.alloc(0)
    return { bytes: block, used }
  }
}
