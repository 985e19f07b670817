/** SOCI's list of files. */
import { expect, test } from 'vitest'
import { exportSoci, isSoci, parseSoci } from '../../../../tracer/trace/exchange/soci.ts'
import { traceFile, traceOf } from '../traces.ts'

test('a JSON array of what was read before ready, and in again', () => {
  const { text, files, leftOut } = exportSoci(
    traceOf([
      traceFile('app/config.json'),
      traceFile('a\nb'),
      traceFile(' space'),
      traceFile('%FE'),
      traceFile('late', { afterReady: true }),
    ]),
  )
  expect(text).toBe('["/app/config.json","/a\\nb","/ space"]\n')
  expect([files, leftOut]).toEqual([3, 1])
  expect(isSoci(text)).toBe(true)
  expect(parseSoci(text, 's.json')).toEqual([
    { path: 'app/config.json' },
    { path: 'a\nb' },
    { path: ' space' },
  ])
})

test('a wrong list names the item', () => {
  expect(() => parseSoci('["/a", 5]', 's.json')).toThrow(/^s\.json is not a JSON array of paths: 1: /)
  expect(() => parseSoci('["/a", ', 's.json')).toThrow(/^s\.json is not JSON: it ends too early/)
  expect(() => parseSoci('["/a", "x\\u0000"]', 's.json')).toThrow(/^s\.json, item 1: .*NUL/)
})
