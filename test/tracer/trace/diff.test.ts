/** Two traces of an image compared. */
import { expect, test } from 'vitest'
import { diffTraces } from '../../../tracer/trace/diff.ts'
import { traceFile, traceOf } from './traces.ts'

test('diff: new, gone, grown, shrunk and the same', () => {
  const diff = diffTraces(
    traceOf([
      traceFile('same'),
      traceFile('gone'),
      traceFile('more', { ranges: [[0, 1]] }),
      traceFile('less'),
    ]),
    traceOf([traceFile('same'), traceFile('new'), traceFile('more'), traceFile('less', { ranges: [] })]),
  )
  expect(diff).toEqual({
    added: [{ path: 'new', before: 0, after: 100 }],
    removed: [{ path: 'gone', before: 100, after: 0 }],
    grown: [{ path: 'more', before: 1, after: 100 }],
    shrunk: [{ path: 'less', before: 100, after: 0 }],
    same: 1,
    bytes: { before: 301, after: 300 },
    readyMs: { before: 100, after: 100 },
  })
})
