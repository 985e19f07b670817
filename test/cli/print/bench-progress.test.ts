/** The line that says how far a measurement is. */
import { expect, test } from 'vitest'
import { benchLine } from '../../../cli/print/bench-progress.ts'

test.each([
  [
    { doing: 'lazy', turns: { done: 3, total: 18, leftMs: 125_000 } },
    0,
    'sample 4 of 18: lazy, about 2 min left',
  ],
  [
    { doing: 'lazy', turns: { done: 3, total: 18, leftMs: 48_000 } },
    5000,
    'sample 4 of 18: lazy, about 45 s left',
  ],
  [
    { doing: 'lazy', turns: { done: 17, total: 18, leftMs: 2000 } },
    9000,
    'sample 18 of 18: lazy, about 1 s left',
  ],
  [{ doing: 'preparing the lazy image' }, 0, 'preparing the lazy image'],
  [{ doing: 'preparing the lazy image' }, 12_400, 'preparing the lazy image, 12 s so far'],
  [
    { doing: '18 samples of lazy', guessMs: 100_000 },
    0,
    '18 samples of lazy: about 2 min, once the images are prepared',
  ],
])('%j after %d ms', (progress, elapsed, line) => {
  expect(benchLine(progress, elapsed)).toBe(line)
})
