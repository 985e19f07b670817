/** Byte ranges to numbers of spans. */
import { expect, test } from 'vitest'
import { exportSociSpans, type ZtocLayer } from '../../../../tracer/trace/exchange/soci-spans.ts'
import { traceFile, traceOf } from '../traces.ts'

/** Ten spans of 100 bytes; `a` is in 1 to 4, `b` in 6 to 8. */
const layer: ZtocLayer = {
  name: 'layer 1 of 1',
  ztoc: {
    compressedSize: 500,
    uncompressedSize: 1000,
    files: [
      { path: 'a', offset: 100, size: 400 },
      { path: 'b', offset: 650, size: 200 },
    ],
    spans: Array.from({ length: 10 }, (_, index) => ({
      offset: 100 * index,
      compressedOffset: 50 * index,
      compressedEnd: 50 * index + 50,
    })),
  },
  contentOf: (path) => ({ a: 'a', 'link to b': 'b' })[path],
}

test('what was read, both ends included, the first used with the first priority', () => {
  const trace = traceOf([
    traceFile('link to b', { ranges: [[100, 150]] }),
    traceFile('elsewhere'),
    traceFile('a', {
      ranges: [
        [0, 1],
        [99, 101],
        [399, 400],
      ],
    }),
  ])
  const { text, files } = exportSociSpans(trace, layer)
  expect(JSON.parse(text)).toEqual({
    version: '1.0',
    prefetch_spans: [
      { start_span: 1, end_span: 2, priority: 1 },
      { start_span: 4, end_span: 4, priority: 2 },
      { start_span: 7, end_span: 7, priority: 0 },
    ],
  })
  expect(files).toBe(2)
})

test('a layer that the start doesn’t read, or that has another file', () => {
  expect(() => exportSociSpans(traceOf([traceFile('elsewhere')]), layer)).toThrow(
    /the start reads nothing from layer 1 of 1/,
  )
  expect(() => exportSociSpans(traceOf([traceFile('a', { ranges: [[0, 401]] })]), layer)).toThrow(
    /a was read up to byte 401, but has only 400 bytes in layer 1 of 1/,
  )
  expect(() => exportSociSpans(traceOf([]), layer)).toThrow(/no byte ranges that were read/)
})
