/** The record file of ctr-remote, written and read. */
import { expect, test } from 'vitest'
import { parseTrace } from '../../../tracer/trace/file.ts'
import { exportRecord, importRecord, parseRecord } from '../../../tracer/trace/record.ts'
import { traceFile, traceOf } from './traces.ts'

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
  expect(() => parseRecord('{"path":"a"}\n{"file":"b"}\n', 'r.json')).toThrow(
    /^r\.json, line 2 is not a record: path: /,
  )
  const context = { tool: 't', image: traceOf([]).image, find: () => undefined, now: new Date(0) }
  expect(() => importRecord([{ path: 'a' }], context)).toThrow(/none of the record's 1 files is in app:1/)
})
