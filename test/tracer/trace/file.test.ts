/** A trace that somebody else wrote, read as one that was recorded. */
import { expect, test } from 'vitest'
import { parseTrace } from '../../../tracer/trace/file.ts'
import { traceFile, traceOf } from './traces.ts'

const read = (...files: Parameters<typeof traceFile>[]) =>
  parseTrace(JSON.stringify(traceOf(files.map((each) => traceFile(...each)))), 'trace').files

test('each path is there once, and its ranges are merged: nothing that is planned by it is larger than the image', () => {
  const all: [number, number][] = Array.from({ length: 1000 }, () => [0, 90])
  const files = read(
    ['a', { ranges: [[7, 9]] }],
    ['b', { ranges: [[40, 50], [10, 20], [20, 30], [5, 5]], laterRanges: all }], // biome-ignore format: one line is easier to read
    ['%61', { ranges: all }],
  )
  expect(files.map(({ path, ranges, laterRanges }) => ({ path, ranges, laterRanges }))).toEqual([
    { path: '%61', ranges: [[0, 90]], laterRanges: undefined },
    { path: 'b', ranges: [[10, 30], [40, 50]], laterRanges: [[0, 90]] }, // biome-ignore format: as above
  ])
})
