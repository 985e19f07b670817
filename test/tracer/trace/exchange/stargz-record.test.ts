/** The record file of ctr-remote, written and read. */
import { expect, test } from 'vitest'
import { importTouched } from '../../../../tracer/trace/exchange/import.ts'
import { exportRecord, parseRecord } from '../../../../tracer/trace/exchange/stargz-record.ts'
import { parseTrace } from '../../../../tracer/trace/file.ts'
import { traceFile, traceOf } from '../traces.ts'
import { importing } from './images.ts'

test('the reference’s record: out and in again', () => {
  const trace = traceOf([
    traceFile('usr/bin/app'),
    traceFile('late', { afterReady: true }),
    traceFile('nowhere'),
  ])
  const { text, files, leftOut } = exportRecord(trace, {
    manifestDigest: 'sha256:m',
    layerOf: (path) => (path === 'nowhere' ? undefined : 2),
  })
  expect(text).toBe('{"path":"usr/bin/app","manifestDigest":"sha256:m","layerIndex":2}\n')
  expect([files, leftOut]).toEqual([1, 1])
  const touched = parseRecord(`${text}{"path":"/gone"}\n`, 'record')
  const { trace: back, missing } = importTouched(touched, importing({ 'usr/bin/app': 7 }))
  expect(missing).toEqual(['gone'])
  expect(back.files).toMatchObject([{ path: 'usr/bin/app', size: 7, ranges: [[0, 7]] }])
  expect(parseTrace(JSON.stringify(back), 'imported')).toEqual(back)
})

test('names are plain in the record, and escaped in the trace', () => {
  const trace = traceOf([traceFile('100%25'), traceFile('é'), traceFile('%FF')])
  const { text, leftOut } = exportRecord(trace, { manifestDigest: 'sha256:m', layerOf: () => 0 })
  expect(leftOut).toBe(1)
  expect(text.match(/"path":"[^"]+"/g)).toEqual(['"path":"100%"', '"path":"é"'])
  expect(parseRecord(text, 'record')).toEqual([{ path: '100%25' }, { path: 'é' }])
})

test('a record that is none names the line', () => {
  expect(() => parseRecord('{"path":"a"}\n{"file":"b"}\n', 'r.json')).toThrow(
    /^r\.json, line 2 is not a record: path: /,
  )
  expect(() => importTouched([{ path: 'a' }], importing({}))).toThrow(
    /none of the 1 recorded files is in app:1/,
  )
})
