/** Numbers as terminals and pull requests show them. */
import { expect, test } from 'vitest'
import { bytesText, metricText, msText } from '../../../report/bench/units.ts'

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [999.6, '1.00 s'],
  [1000, '1.00 s'],
  [59_990, '59.99 s'],
  [61_000, '1 min 1 s'],
  [3_725_000, '62 min 5 s'],
])('%f ms is %s', (ms, text) => {
  expect(msText(ms)).toBe(text)
})

test('the last second of a minute is not its sixtieth', () => {
  expect(msText(59_999)).toBe('1 min 0 s')
  expect(msText(119_700)).toBe('2 min 0 s')
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [20_500_000, '20.5 MB'],
  [3_210_000_000, '3.21 GB'],
])('%i bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

test('a metric has its own unit, and only a median between two requests has a fraction', () => {
  expect(metricText('start', 1500)).toBe('1.50 s')
  expect(metricText('bytes', 1500)).toBe('1.5 kB')
  expect(metricText('requests', 30)).toBe('30')
  expect(metricText('requests', 30.5)).toBe('30.5')
})
