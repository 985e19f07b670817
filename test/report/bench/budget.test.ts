/** Limits: given on the command line, and by an earlier measurement. */
import { describe, expect, test } from 'vitest'
import { baselineDoubts, checkLimits, parseBudget } from '../../../report/bench/budget.ts'
import type { Bench } from '../../../report/bench/file.ts'
import { summarize } from '../../../report/bench/summary.ts'
import { makeMaterial } from '../../../scripts/support/material.ts'

describe('budgets', () => {
  const { bench } = makeMaterial({ files: 50 })

  test('are read with their units, and refused with an example', () => {
    expect(parseBudget('start=2s,bytes=20MB, requests=30')).toEqual([
      { metric: 'start', limit: 2000 },
      { metric: 'bytes', limit: 20_000_000 },
      { metric: 'requests', limit: 30 },
    ])
    expect(parseBudget('start=900ms')).toEqual([{ metric: 'start', limit: 900 }])
    expect(parseBudget('bytes=1MiB')).toEqual([{ metric: 'bytes', limit: 1_048_576 }])
    for (const wrong of ['start', 'start=', 'start=2MB', 'memory=3', 'bytes=1..2MB', ''])
      expect(() => parseBudget(wrong), wrong).toThrow(/is not a valid budget/)
  })

  test('are checked on the optimized arm', () => {
    const checks = checkLimits(summarize(bench), {
      budget: parseBudget('start=2s,bytes=20MB,requests=30'),
      maxRegression: 0,
    })
    expect(checks.map(({ arm, metric, ok }) => [arm, metric, ok])).toEqual([
      ['optimized', 'start', false],
      ['optimized', 'bytes', true],
      ['optimized', 'requests', true],
    ])
  })

  test('a baseline allows a share more, and what may be chance', () => {
    const checkBaseline = (now: Bench, baseline: Bench, maxRegression: number) =>
      checkLimits(summarize(now), { budget: [], baseline, maxRegression })
    const slower = (factor: number) => ({
      ...bench,
      samples: bench.samples.map((sample) => ({
        ...sample,
        phases: { ...sample.phases, ready: sample.phases.ready * factor },
      })),
    })
    expect(checkBaseline(bench, bench, 0).every(({ ok }) => ok)).toBe(true)
    const failed = checkBaseline(slower(2), bench, 0.1).filter(({ ok }) => !ok)
    expect(failed.map(({ arm, metric }) => `${arm} ${metric}`)).toEqual(['lazy start', 'optimized start'])
    const noisy = checkBaseline(slower(1.01), bench, 0)
    expect(noisy.every(({ ok }) => ok)).toBe(true)
    expect(noisy.some(({ note }) => note === 'no difference')).toBe(true)
    const ofRounds = (rounds: number) => ({
      ...bench,
      samples: slower(1.01).samples.filter(({ round }) => round < rounds),
    })
    const apart = (factors: readonly number[]) => ({
      ...bench,
      samples: bench.samples.flatMap((sample) => {
        const ready = sample.phases.ready * (factors[sample.round] ?? 0)
        return ready > 0 ? [{ ...sample, phases: { ...sample.phases, ready } }] : []
      }),
    })
    expect(checkBaseline(apart([2, 9, 5]), apart([1, 8, 4]), 0).map(({ note }) => note)).toContain(
      'too few samples to be sure',
    )
    for (const rounds of [1, 2])
      expect(checkBaseline(ofRounds(rounds), ofRounds(rounds), -0.05).every(({ ok }) => !ok)).toBe(true)
    expect(baselineDoubts(bench, bench)).toEqual([])
    expect(baselineDoubts(bench, { ...bench, link: { ...bench.link, roundTripMs: 50 } })[0]).toMatch(
      /a different link/,
    )
  })
})
