/** Nydus' list of files and ranges, and its list of patterns. */
import { expect, test } from 'vitest'
import { importTouched } from '../../../../tracer/trace/exchange/import.ts'
import { exportNydus, isNydus, parseNydus } from '../../../../tracer/trace/exchange/nydus.ts'
import { exportPathList } from '../../../../tracer/trace/exchange/paths.ts'
import { traceFile, traceOf } from '../traces.ts'
import { importing } from './images.ts'

const trace = traceOf([
  traceFile('bin/app', {
    ranges: [
      [0, 10],
      [90, 100],
    ],
  }),
  traceFile('opened only', { ranges: [] }),
  traceFile('link', { type: 'symlink', ranges: [] }),
  traceFile('late', { afterReady: true }),
  traceFile('100%25'),
])

test('offsets and sizes of what was read before ready', () => {
  const { text, files } = exportNydus(trace)
  expect(JSON.parse(text)).toEqual({
    version: 'v1',
    files: [
      {
        path: '/bin/app',
        ranges: [
          [0, 10],
          [90, 10],
        ],
      },
      { path: '/100%', ranges: [[0, 100]] },
    ],
  })
  expect(files).toBe(2)
  expect(isNydus(text)).toBe(true)
})

test('its ranges come back; a file without any was read whole', () => {
  const { text } = exportNydus(trace)
  const more = text.replace(
    ']}\n',
    ',{"path":"/all"},{"path":"/all too","ranges":null},{"path":"/long","ranges":[[5,99]]}]}',
  )
  const image = importing({ 'bin/app': 100, '100%25': 100, all: 3, 'all too': 4, long: 9 })
  const { trace: back } = importTouched(parseNydus(more, 'n.json'), image)
  expect(back.files.map(({ path, ranges }) => [path, ...ranges])).toEqual([
    ['bin/app', [0, 10], [90, 100]],
    ['100%25', [0, 100]],
    ['all', [0, 3]],
    ['all too', [0, 4]],
    ['long', [5, 9]],
  ])
})

test('a trace in which nothing was read has no ranges to give', () => {
  for (const files of [[], [traceFile('a', { ranges: [] })]])
    expect(() => exportNydus(traceOf(files))).toThrow(
      /the trace of app:1 has no byte ranges that were read before ready/,
    )
})

test('a wrong list names the field', () => {
  const parse = (files: unknown, version: unknown = 'v1') =>
    parseNydus(JSON.stringify({ version, files }), 'n.json')
  expect(() => parse([], 'v2')).toThrow(/^n\.json is not Nydus' list of files: version: /)
  expect(() => parse([{ path: '/a', ranges: [[1]] }])).toThrow(/: files\.0\.ranges\.0/)
  expect(() => parse([{ path: '/a', ranges: [[-1, 2]] }])).toThrow(/: files\.0\.ranges\.0\.0: /)
  expect(() => parse([{ path: '/a' }, { path: 'b' }])).toThrow(/^n\.json, files\.1: the path is not absolute/)
})

test('patterns: a path a line, which is overlaybd’s list, too', () => {
  const { text, leftOut } = exportPathList(traceOf([...trace.files, traceFile('a\nb'), traceFile('end ')]))
  expect(text).toBe('/bin/app\n/100%\n')
  expect(leftOut).toBe(2)
})
