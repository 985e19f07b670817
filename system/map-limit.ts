/** Runs work on several items at once, up to a limit; the first failure ends the rest. */

/**
 * @param work given a signal that is aborted once another item failed
 * @returns results in the order of the items
 */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal,
  work: (item: T, index: number, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const results: R[] = new Array(items.length)
  const queue = [...items.entries()]
  const run = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      either.throwIfAborted()
      const [index, item] = next
      results[index] = await work(item, index, either)
    }
  }
  const runners = Array.from({ length: Math.min(limit, items.length) }, () =>
    run().catch((error: unknown) => failed.abort(error)),
  )
  await Promise.all(runners)
  signal.throwIfAborted()
  failed.signal.throwIfAborted()
  return results
}
