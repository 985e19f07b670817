/** What the commands hand from one part to another: a trace to the optimizer, traces and measurements to a page. */

import { expect, test } from 'vitest'
import { pairByImage } from '../../cli/report-material.ts'
import { startupOf } from '../../cli/startup.ts'
import type { Trace, TraceFile } from '../../tracer/trace/file.ts'
import { benchOf, traceOf } from './material.ts'

const seen = (path: string, rest: Partial<TraceFile> = {}): TraceFile => ({
  path,
  type: 'reg',
  size: 10,
  order: 0,
  firstOpenMs: 0,
  opens: 1,
  ranges: [[0, 10]],
  afterReady: false,
  ...rest,
})

test('a link is needed though nobody reads it; a file that was only opened is not read', () => {
  const trace = traceOf([
    seen('link', { type: 'symlink', ranges: [] }),
    seen('opened', { ranges: [] }),
    seen('file'),
  ])
  expect(startupOf(trace).map(({ path, read }) => [path, read])).toEqual([
    ['link', true],
    ['opened', false],
    ['file', true],
  ])
})

test('what too few of several runs touched is left out', () => {
  const trace: Trace = { ...traceOf([seen('always'), seen('twice', { seen: 2 }), seen('once', { seen: 1 })]) }
  const merged = { ...trace, run: { ...trace.run, runs: 3 } }
  expect(startupOf(merged, 2).map(({ path }) => path)).toEqual(['always', 'twice'])
  expect(startupOf(merged)).toHaveLength(3)
})

test('traces and measurements of one image share a page, whatever their order', () => {
  const [a, b] = [traceOf([], 'sha256:a'), traceOf([], 'sha256:b')]
  const bench = benchOf('sha256:b')
  expect(
    pairByImage([
      { file: 'a', trace: a },
      { file: 'x', bench: benchOf('sha256:elsewhere') },
    ]),
  ).toHaveLength(1)
  expect(
    pairByImage([
      { file: 'a', trace: a },
      { file: 'b', trace: b },
      { file: 'x', bench },
    ]),
  ).toEqual([{ bench, trace: b }, { trace: a }])
  // The same on other links serves the prediction; once more on the same link is a measurement of its own.
  const far = { ...bench, link: { name: 'edge', bitsPerSecond: 2e7, roundTripMs: 50 } }
  expect(
    pairByImage([
      { file: 'b', trace: b },
      { file: 'x', bench },
      { file: 'y', bench: far },
      { file: 'z', bench: { ...bench } },
    ]),
  ).toEqual([{ bench, trace: b, elsewhere: [far] }, { bench }])
  expect(() =>
    pairByImage([
      { file: 'a', trace: a },
      { file: 'c', trace: a },
    ]),
  ).toThrow(/a and c are traces of the same image/)
})
