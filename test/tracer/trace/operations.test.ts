/** Merging, comparing, summing up and exchanging traces. */
import { expect, test } from 'vitest'
import { diffTraces } from '../../../tracer/trace/diff.ts'
import { parseTrace, type Trace } from '../../../tracer/trace/file.ts'
import { mergeTraces } from '../../../tracer/trace/merge.ts'
import { exportRecord, importRecord, parseRecord } from '../../../tracer/trace/record.ts'
import { summarizeTrace } from '../../../tracer/trace/summary.ts'
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

test('summary: the share read, by folder and layer, and large files read in small part', () => {
  const summary = summarizeTrace(
    traceOf([
      traceFile('usr/lib/big.so', { size: 1 << 20, ranges: [[0, 200]] }),
      traceFile('usr/bin/app'),
      traceFile('init'),
      traceFile('etc/late', { afterReady: true }),
      traceFile('etc/opened', { ranges: [] }),
      traceFile('lib', { type: 'symlink', ranges: [] }),
    ]),
    (path) => (path.startsWith('usr/') ? 1 : 0),
  )
  expect(summary.read).toEqual({ files: 3, bytes: 400, share: 0.4 })
  expect(summary).toMatchObject({ touchedOnly: 1, afterReady: 1, symlinks: 1 })
  expect(summary.folders).toEqual([
    { name: 'usr', files: 2, bytes: 300 },
    { name: '/', files: 1, bytes: 100 },
  ])
  expect(summary.layers).toEqual([
    { name: '0', files: 1, bytes: 100 },
    { name: '1', files: 2, bytes: 300 },
  ])
  expect(summary.partly).toEqual([{ path: 'usr/lib/big.so', size: 1 << 20, bytes: 200 }])
})

test('the reference’s record: out and in again', () => {
  const trace = traceOf([
    traceFile('usr/bin/app'),
    traceFile('late', { afterReady: true }),
    traceFile('nowhere'),
  ])
  const text = exportRecord(trace, 'sha256:m', (path) => (path === 'nowhere' ? undefined : 2))
  expect(text).toBe('{"path":"usr/bin/app","manifestDigest":"sha256:m","layerIndex":2}\n')
  const lines = [...parseRecord(text, 'record'), { path: '/gone' }]
  const { trace: back, missing } = importRecord(lines, {
    tool: 'test',
    image: trace.image,
    find: (path) => (path === 'usr/bin/app' ? { type: 'reg', size: 7 } : undefined),
    now: new Date(0),
  })
  expect(missing).toEqual(['gone'])
  expect(back.files).toMatchObject([{ path: 'usr/bin/app', size: 7, ranges: [[0, 7]] }])
  expect(parseTrace(JSON.stringify(back), 'imported')).toEqual(back)
})

test('a record that is none names the line', () => {
  expect(() => parseRecord('{"path":"a"}\n{"file":"b"}\n', 'r.json')).toThrow(/^r\.json, line 2 is no record/)
  const context = { tool: 't', image: traceOf([]).image, find: () => undefined, now: new Date(0) }
  expect(() => importRecord([{ path: 'a' }], context)).toThrow(/none of the record's 1 files is in app:1/)
})
