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

test('merge refuses traces of different images, and none', () => {
  const other = traceOf([], { image: { ...traceOf([]).image, reference: 'b:1', diffIds: ['z'] } })
  expect(() => mergeTraces([traceOf([]), other])).toThrow(/different images: app:1 .* b:1/)
  expect(() => mergeTraces([])).toThrow(/no trace/)
})
