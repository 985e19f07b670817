/** The order of samples, and the time left. */
import { expect, test } from 'vitest'
import { schedule, timeLeft } from '../../../report/bench/schedule.ts'

test('every round measures every arm once, and begins with the next', () => {
  const turns = schedule(['a', 'b', 'c'], { samples: 2, warmups: 1 })
  expect(turns.map(({ target, round }) => `${target}${round}`)).toEqual([
    'a-1',
    'b-1',
    'c-1',
    'b0',
    'c0',
    'a0',
    'c1',
    'a1',
    'b1',
  ])
  expect(schedule([], { samples: 3, warmups: 1 })).toEqual([])
})

test('the time left is what each arm took so far', () => {
  const turns = schedule([{ id: 'slow' }, { id: 'fast' }], { samples: 2, warmups: 0 })
  expect(timeLeft(turns, [])).toBeUndefined()
  expect(timeLeft(turns, [{ arm: 'slow', ms: 90 }])).toBe(270)
  expect(
    timeLeft(turns, [
      { arm: 'slow', ms: 90 },
      { arm: 'fast', ms: 10 },
    ]),
  ).toBe(100)
})
