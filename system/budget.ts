/** How many bytes may be in flight at once. Callers that want more wait, first come, first served. */

/** @param limit in bytes */
export function createBudget(limit: number) {
  let used = 0
  let failure: Error | undefined
  const queue: { bytes: number; resolve(): void; reject(error: Error): void }[] = []
  const next = () => {
    // Something larger than the whole budget passes when nothing else is in flight.
    for (let first = queue[0]; first && (used === 0 || used + first.bytes <= limit); first = queue[0]) {
      queue.shift()
      used += first.bytes
      first.resolve()
    }
  }
  return {
    take: (bytes: number): Promise<void> =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        queue.push({ bytes, resolve, reject })
        next()
      }),
    giveBack(bytes: number) {
      used -= bytes
      next()
    },
    fail(error: Error) {
      failure = error
      for (const { reject } of queue.splice(0)) reject(error)
    },
  }
}
