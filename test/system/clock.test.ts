/** Moments of the monotonic clock as those of the other. */
import { expect, test } from 'vitest'
import { epochMs, epochOf, monotonicMs } from '../../system/clock.ts'

test('what was a second ago on one clock was so on the other', () => {
  const before = epochMs()
  const moment = epochOf(monotonicMs() - 1000)
  expect(moment).toBeGreaterThanOrEqual(before - 1001)
  expect(moment).toBeLessThanOrEqual(epochMs() - 999)
})
