/** When a request is retried, and after how long. Pure. */

/** Attempts in total, including the first; progress resets the count. */
export const MAX_ATTEMPTS = 6
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 60_000

/** Unsupported method or version of HTTP: as final as a 4xx. */
const FINAL = new Set([501, 505])

/** Timeouts, too many requests, and server errors. Retrying doesn't help with any other 4xx. */
export const isRetried = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && !FINAL.has(status))

/** Seconds or an HTTP date. @returns milliseconds, undefined when absent or unreadable */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const isDate = /^[a-z]{3,9},? /i.test(header.trim()) // Date.parse makes one of `-5`, too
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : Number.NaN
  const ms = isDate ? Date.parse(header) - now : seconds * 1000
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/**
 * Doubles with each attempt, less up to half at random, so that many clients don't return at once.
 * @param attempt 1 after the first failure
 * @param asked what the server asked for, in ms; it wins, and undefined is returned if that is too long to wait
 * @param random 0 to 1
 */
export function waitMs(attempt: number, asked: number | undefined, random: number): number | undefined {
  if (asked !== undefined) return asked <= LONGEST_WAIT_MS ? asked : undefined
  const longest = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS)
  return longest * (1 - random / 2)
}
