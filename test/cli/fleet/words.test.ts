/** What is said of images and jobs. */
import { expect, test } from 'vitest'
import { rateFlag } from '../../../cli/fleet/machine.ts'
import { countedSteps, doneLine, missingText } from '../../../cli/fleet/words.ts'
import type { Job } from '../../../fleet/job.ts'

const job: Job = {
  kind: 'rebuild',
  work: {
    source: 'registry.example/web:1',
    digest: `sha256:${'a'.repeat(64)}`,
    target: 'registry.example/web:1-esgz',
    workloads: [{ name: 'start', flags: [], command: [] }],
    optimizeFlags: [],
    minCoverage: 0.8,
    budget: {},
  },
  priority: 1,
}

test('a job that is done says what was gained', () => {
  expect(
    doneLine(job, {
      profiles: [],
      tookMs: 14_000,
      bytes: { before: 121e6, after: 123e6 },
      start: { bytes: 16.8e6, fullBytes: 121e6, ms: 2300, fullMs: 13_700 },
      coverage: 0.97,
    }),
  ).toBe(
    'registry.example/web:1-esgz: rebuilt in 14.00 s: 121.0 MB → 123.0 MB; a start fetches 16.8 MB, 2.30 s by the model, 13.70 s if pulled whole; the profile covers 97 %',
  )
  expect(
    doneLine({ ...job, kind: 'record' }, { profiles: [{ name: 'start' }, { name: 'buy' }], tookMs: 900 }),
  ).toBe('registry.example/web:1: recorded start, buy in 900 ms')
})

test('images are counted by what is to be done', () => {
  const steps = {
    adopt: { is: 'adopt', why: '', work: job.work, digest: job.work.digest },
    current: { is: 'current', why: '', work: job.work, at: 0 },
    skipped: { is: 'skipped', why: '' },
  } as const
  const of = (step: keyof typeof steps) => ({ image: 'x', step: steps[step] })
  expect(countedSteps([of('current'), of('adopt'), of('skipped')])).toBe('3 images: 2 up to date, 1 skipped')
  expect(countedSteps([of('current')])).toBe('1 image: 1 up to date')
  expect(countedSteps([])).toBe('0 images')
})

test('a tag that is named and not there is told; what is left out on purpose is not', () => {
  const skipped = (why: string, isMissing?: true) => ({
    image: 'web:1',
    step: { is: 'skipped', why, ...(isMissing && { isMissing }) } as const,
  })
  expect(missingText([skipped('there is no such tag', true), skipped('it is a product itself')])).toEqual([
    'web:1 was skipped: there is no such tag',
  ])
})

test.each([
  ['30/10m', { jobs: 30, perMs: 600_000 }],
  ['2/s', { jobs: 2, perMs: 1000 }],
  ['1/500ms', { jobs: 1, perMs: 500 }],
])('a rate of %s', (text, rate) => {
  expect(rateFlag(text)).toEqual(rate)
})

test.each(['', '5', '0/m', '5/', '5/fortnight', '-1/m', '5/0s'])('no rate: %j', (text) => {
  expect(() => rateFlag(text)).toThrow(/Expected something like/)
})
