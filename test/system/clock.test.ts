/** Moments of the monotonic clock as those of the other. */
import { expect, test } from 'vitest'
import { epochMs, epochOf, monotonicMs } from '../../system/clock.ts'

test('what was a second ago on one clock was so on the other', () => {
  // A machine that stands still between two looks at its clocks spoils a try, not all of them.
  const agoMs = Array.from({ length: 20 }, () => epochMs() - epochOf(monotonicMs() - 1000))
  const shortest = Math.min(...agoMs.map((ms) => Math.abs(ms - 1000)))
  expect(shortest).toBeLessThan(1)
})
