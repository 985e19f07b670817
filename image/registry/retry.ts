/** When a request is tried again, and after how long. Pure. */

/** Attempts in all, the first one counted; whatever makes progress starts over. */
export const MAX_ATTEMPTS = 6
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 60_000

/** What a server says of a method it doesn't have, and of a version of HTTP: as final as a 4xx. */
const FINAL = new Set([501, 505])

/** Too many requests, and faults of the server's side. Nothing else of the 4xx gets better by asking again. */
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
 * Doubles from try to try, with up to half of it taken off at random so that many clients don't return at once.
 * @param attempt 1 after the first failure
 * @param asked what the server asked for, in ms; it wins, and undefined is returned where it is too long to wait
 * @param random 0 to 1
 */
export function waitMs(attempt: number, asked: number | undefined, random: number): number | undefined {
  if (asked !== undefined) return asked <= LONGEST_WAIT_MS ? asked : undefined
  const longest = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS)
  return longest * (1 - random / 2)
}
