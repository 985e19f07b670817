/** One direction of a link: bytes pass one after another at its rate, across all connections. Pure: the caller passes in the time. */

export interface Bucket {
  /** Occupies the link for `bytes`. @returns when the last one arrives, in ms of the caller's clock */
  pass(bytes: number, now: number): number
}

/** @param bitsPerSecond null: unlimited */
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
