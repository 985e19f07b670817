/** The order of samples, what is to be known of each, and the time left. */
import { describe, expect, test } from 'vitest'
import { schedule, timeLeft, turnsProgress } from '../../../report/bench/schedule.ts'

const arm = (id: string) => ({ id, kind: 'optimized', runtime: { name: 'builtin' }, guessMs: 50 }) as const

test('every round measures every arm once, and begins with the next', () => {
  const turns = schedule(['a', 'b', 'c'].map(arm), { rounds: { samples: 2, warmups: 1 } })
  expect(turns.map(({ target, round }) => `${target.id}${round}`)).toEqual([
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
  expect(turns.slice(2, 4).map(({ label }) => label)).toEqual(['c, to warm up', 'b'])
  expect(schedule([], { rounds: { samples: 3, warmups: 1 } })).toEqual([])
})

test('requests are recorded after ready once an arm that has a background, or as long as was asked for', () => {
  const rounds = { samples: 2, warmups: 1 }
  const lazy = { id: 'a', kind: 'lazy', runtime: { name: 'containerd' }, guessMs: 0 } as const
  const watched = (one: Parameters<typeof schedule>[0][number], watchMs?: number) =>
    schedule([one], { rounds, ...(watchMs !== undefined && { watchMs }) }).map((turn) => turn.watchMs)
  expect(watched(lazy)).toEqual([0, 0, 10_000])
  expect(watched({ ...lazy, kind: 'legacy' })).toEqual([0, 0, 0])
  expect(watched({ ...lazy, runtime: { name: 'builtin' } })).toEqual([0, 0, 0])
  expect(watched(lazy, 70)).toEqual([70, 70, 70])
})

test('how far it is: at first by the guesses, then by what each arm took', () => {
  const turns = schedule([arm('slow'), arm('fast')], { rounds: { samples: 2, warmups: 0 } })
  expect(turnsProgress(turns, [])).toEqual({ done: 0, total: 4, leftMs: 200 })
  const slow = { arm: 'slow', ms: 90 }
  expect(turnsProgress(turns, [slow, { arm: 'fast', ms: 10 }])).toEqual({ done: 2, total: 4, leftMs: 100 })
})

describe('the time left', () => {
  const slow = { arm: 'slow', guessMs: 200 }
  const fast = { arm: 'fast', guessMs: 50 }

  test('is what each arm took so far', () => {
    const taken = [
      { ...slow, ms: 90 },
      { ...fast, ms: 10 },
    ]
    expect(timeLeft([slow, fast], taken)).toBe(100)
  })

  test('before an arm was measured it is a guess, corrected by how far off the others were', () => {
    expect(timeLeft([slow, fast, slow, fast], [])).toBe(500)
    expect(timeLeft([fast, slow, fast], [{ ...slow, ms: 400 }])).toBe(100 + 400 + 100)
  })
})
