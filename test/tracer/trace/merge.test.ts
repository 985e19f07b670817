/** Several traces of an image merged into one. */
import { expect, test } from 'vitest'
import { parseTrace, type Trace } from '../../../tracer/trace/file.ts'
import { mergeTraces } from '../../../tracer/trace/merge.ts'
import { traceFile, traceOf } from './traces.ts'

const paths = (trace: Trace) => trace.files.map(({ path }) => path)
const find = (trace: Trace, path: string) => trace.files.find((file) => file.path === path)

test('merge: order by mean rank, ranges united, rare files counted', () => {
  const merged = mergeTraces([
    traceOf([traceFile('a'), traceFile('b', { ranges: [[0, 10]] }), traceFile('c')]),
    traceOf([traceFile('a'), traceFile('b', { ranges: [[5, 20]] }), traceFile('rare'), traceFile('c')]),
    traceOf([traceFile('b'), traceFile('a'), traceFile('c')]),
  ])
  expect(paths(merged)).toEqual(['a', 'b', 'rare', 'c'])
  expect(merged.run.runs).toBe(3)
  expect(find(merged, 'b')?.ranges).toEqual([[0, 100]])
  expect(find(merged, 'rare')?.seen).toBe(1)
  expect(find(merged, 'a')?.seen).toBeUndefined()
  expect(parseTrace(JSON.stringify(merged), 'merged')).toEqual(merged)
})

test('merge: read before ready in one run is read before ready', () => {
  const late = traceFile('x', { afterReady: true, ranges: [[0, 50]] })
  const merged = mergeTraces([traceOf([late]), traceOf([traceFile('x', { ranges: [[60, 70]] })])])
  expect(find(merged, 'x')).toMatchObject({ afterReady: false, ranges: [[60, 70]], laterRanges: [[0, 50]] })
})

test('merge: merging merged ones counts all their runs', () => {
  const two = mergeTraces([traceOf([traceFile('a')]), traceOf([traceFile('a'), traceFile('b')])])
  const three = mergeTraces([two, traceOf([traceFile('b')])])
  expect(three.run.runs).toBe(3)
  expect(find(three, 'a')?.seen).toBe(2)
  expect(find(three, 'b')?.seen).toBe(2)
})

test('merge: times are medians, of the runs that have them, however far off one is', () => {
  const run = (ms: number | null, openMs: number, readMs?: number) => {
    const file = traceFile('a', {
      firstOpenMs: openMs,
      ...(readMs !== undefined && { firstReadMs: readMs }),
    })
    const { run } = traceOf([])
    return traceOf([file], { run: { ...run, ready: { by: 'log', ms }, durationMs: openMs + 1000 } })
  }
  const three = mergeTraces([run(90_000, 5, 40), run(100, 1), run(300, 3, 20)])
  expect(three.run).toMatchObject({ ready: { by: 'log', ms: 300 }, durationMs: 1003, runs: 3 })
  expect(find(three, 'a')).toMatchObject({ firstOpenMs: 3, firstReadMs: 30 })
  expect(mergeTraces([run(null, 1), run(200, 2), run(100, 4)]).run.ready.ms).toBe(150)
  expect(mergeTraces([run(null, 1), run(null, 2)]).run.ready.ms).toBeNull()
})

test('merge refuses traces of different images, and none', () => {
  const other = traceOf([], { image: { ...traceOf([]).image, reference: 'b:1', diffIds: ['z'] } })
  expect(() => mergeTraces([traceOf([]), other])).toThrow(/different images: app:1 .* b:1/)
  expect(() => mergeTraces([])).toThrow(/no trace/)
})
