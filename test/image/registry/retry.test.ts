/** How long a retry waits. */
import { expect, test } from 'vitest'
import { retryAfterMs, waitMs } from '../../../image/registry/retry.ts'

test('waits double, keep to what is asked, and give up when that is too long', () => {
  expect([1, 2, 3].map((attempt) => waitMs(attempt, undefined, 0))).toEqual([200, 400, 800])
  expect(waitMs(1, undefined, 1)).toBe(100)
  expect(waitMs(1, 5000, 0)).toBe(5000)
  expect(waitMs(1, 3_600_000, 0)).toBeUndefined()
  expect(retryAfterMs('7', 0)).toBe(7000)
  expect(retryAfterMs('Thu, 01 Jan 1970 00:00:10 GMT', 4000)).toBe(6000)
  expect(retryAfterMs('Thu, 01 Jan 1970 00:00:00 GMT', 4000)).toBe(0)
  for (const text of ['soon', '-5', '1.5', '1e3', '', '\n'])
    expect([text, retryAfterMs(text, 0)]).toEqual([text, undefined])
})
