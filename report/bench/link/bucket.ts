/** A link's one direction: bytes pass one after another at its rate, whoever sends them. Pure but for the clock it is given. */

export interface Bucket {
  /** Takes the link for `bytes` and says when (ms on the caller's clock) their last byte has arrived. */
  pass(bytes: number, now: number): number
}

/** @param bitsPerSecond null: not limited */
export function createBucket(bitsPerSecond: number | null): Bucket {
  let idleAt = Number.NEGATIVE_INFINITY
  return {
    pass(bytes, now) {
      if (bitsPerSecond === null) return now
      idleAt = Math.max(idleAt, now) + (bytes * 8000) / bitsPerSecond
      return idleAt
    },
  }
}
