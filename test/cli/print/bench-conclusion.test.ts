/** The last lines of `bench`. */
import { expect, test } from 'vitest'
import { gainLines } from '../../../cli/print/bench-conclusion.ts'
import { conclude } from '../../../report/bench/conclusion.ts'
import { makeMaterial } from '../../../scripts/support/material.ts'

test('the verdict and what was gained come last', () => {
  const { bench } = makeMaterial({ files: 10 })
  const [verdict, headline, ...rest] = gainLines(conclude(bench))
  expect(verdict).toBe('Convert it. Faster than a full pull, and faster than lazy pulling without a zone.')
  expect(headline).toMatch(
    /^The optimized image starts \d\.\d times faster: 2\.\d\d s instead of 1\d\.\d\d s\.$/,
  )
  expect(rest).toEqual([])
})

test('too few samples are said to be, with how to take more and how long that takes', () => {
  const { bench } = makeMaterial({ files: 10, samples: 1 })
  const [reason, headline, ...rest] = gainLines(conclude(bench))
  expect(reason).toMatch(
    /^One sample can’t tell chance from a difference\. To take more: --samples 5 \(at least 2 min \d+ s\)$/,
  )
  expect(headline).toMatch(/^Too few samples to be sure: the optimized image seems to start \d\.\d times/)
  expect(rest).toEqual([])
})

test('there is nothing to say of a single arm', () => {
  const { bench } = makeMaterial({ files: 10 })
  const samples = bench.samples.filter(({ arm }) => arm === 'legacy')
  expect(gainLines(conclude({ ...bench, samples }))).toEqual([])
})
