/** A trace in three lines. */
import { expect, test } from 'vitest'
import { traceSummary } from '../../../cli/print/trace-summary.ts'
import { traceOf } from '../material.ts'

const file = (path: string, ranges: [number, number][], afterReady = false) => ({
  path,
  type: 'reg' as const,
  size: 1000,
  order: 0,
  firstOpenMs: 0,
  opens: 1,
  ranges,
  afterReady,
})

const recorded = traceOf([
  file('app', [
    [0, 100],
    [200, 300],
  ]),
  file('opened', []),
  file('late', [[0, 1000]], true),
])
const trace = { ...recorded, image: { ...recorded.image, bytes: 2000, files: 1234 } }

test('the bytes read before ready, of all the image has', () => {
  expect(traceSummary({ ...trace, lookups: { found: 5, missing: 2, listings: 0 } })).toEqual([
    'ready after 100 ms (its log matched)',
    'read 200 B of 2.0 kB (10 %) in 1 of 1,234 files',
    '2 more opened, followed or read later; 5 lookups found a file, 2 did not',
  ])
})

test('of several runs it says how many, and that its time is their median', () => {
  const merged = { ...trace, run: { ...trace.run, runs: 3 } }
  expect(traceSummary(merged)[0]).toBe('ready after 100 ms (its log matched), the median of 3 runs')
})

test('a recording that never was ready says how long it was, and why it ended', () => {
  const run = { ...trace.run, durationMs: 2500, ready: { by: 'interrupt' as const, ms: null } }
  expect(traceSummary({ ...trace, run })[0]).toBe('recorded 2.50 s (interrupted)')
})

test('an empty image has no share', () => {
  const empty = { ...trace, image: { ...trace.image, bytes: 0, files: 0 }, files: [] }
  expect(traceSummary(empty)[1]).toBe('read 0 B of 0 B (0.0 %) in 0 of 0 files')
})
