/** The verdict on converting an image. */
import { describe, expect, test } from 'vitest'
import { summarize } from '../../../../report/bench/summary.ts'
import { judge } from '../../../../report/page/model/verdict.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'

describe('the verdict', () => {
  const withTotals = (scale: Record<string, number>) => {
    const { bench } = makeMaterial({ files: 50 })
    const samples = bench.samples.map((sample) => {
      const by = scale[sample.arm] ?? 1
      const phases = {
        ...sample.phases,
        ready: sample.phases.ready * by,
        prefetch: sample.phases.prefetch * by,
      }
      return { ...sample, phases }
    })
    return judge(summarize({ ...bench, samples }))
  }

  test.each([
    ['convert', 'Convert it', {}],
    ['dont', 'Don’t convert', { optimized: 20, lazy: 20 }],
    ['dont', 'Don’t convert', { optimized: 7.7, lazy: 3 }],
    ['marginal', 'Hardly worth it', { optimized: 7.2, lazy: 3 }],
    ['plain', 'Convert, without a zone', { optimized: 4 }],
    ['plain', 'Convert, without a zone', { optimized: 20 }],
  ] as const)('%s', (decision, title, scale) => {
    expect(withTotals(scale)).toMatchObject({ decision, title })
  })

  test('few samples far apart are none either, however large the difference', () => {
    const { bench } = makeMaterial({ files: 50, samples: 2 })
    const samples = bench.samples.map((sample) =>
      sample.arm === 'optimized' && sample.round === 0
        ? { ...sample, phases: { ...sample.phases, ready: 12_000 } }
        : sample,
    )
    const arms = bench.arms.filter(({ kind }) => kind !== 'lazy')
    expect(judge(summarize({ ...bench, arms, samples })).title).toBe('Looks worth it')
  })

  test('one sample is no verdict, and without a full pull there is none', () => {
    const { bench } = makeMaterial({ files: 50, samples: 1 })
    expect(judge(summarize(bench)).decision).toBe('unclear')
    expect(judge(summarize({ ...bench, samples: bench.samples.slice(1) })).decision).toBe('unmeasured')
  })
})
