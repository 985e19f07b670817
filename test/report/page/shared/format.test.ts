/** Numbers and names for display. */
import { expect, test } from 'vitest'
import { format, formatTick, showPath } from '../../../../report/page/shared/format.ts'

test('numbers have three digits and a unit that stays with them', () => {
  expect(format('ms', 999)).toBe('999\u00a0ms')
  expect(format('ms', 2731)).toBe('2.73\u00a0s')
  expect(format('bytes', 19_340_000)).toBe('19.3\u00a0MB')
  expect(format('bytes', 999_999)).toBe('1.00\u00a0MB')
  expect(format('percent', 0.034)).toBe('3.4\u00a0%')
  expect(format('rate', 100_000_000)).toBe('100\u00a0Mbit/s')
  expect(format('ms', 2731, 'de')).toBe('2,73\u00a0s')
  expect(format('ms', Number.NaN)).toBe('–')
  expect([0, 5000, 10_000, 12_500, 1250].map((ms) => formatTick('ms', ms))).toEqual([
    '0',
    '5\u00a0s',
    '10\u00a0s',
    '12.5\u00a0s',
    '1.25\u00a0s',
  ])
})

test('paths can’t hide control characters', () => {
  expect(showPath('a\u202eb\n')).toBe('/a\\u202eb\\n')
})
