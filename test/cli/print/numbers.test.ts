/** Numbers and tables as the commands print them. */
import { expect, test } from 'vitest'
import { bytes, duration, percent, table, thousands } from '../../../cli/print/output.ts'

test('numbers for people', () => {
  expect([0, 999, 1000, 1_234_567, 5e9].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '1.2 MB', '5.00 GB'])
  expect([0, 999, 1000, 61_000].map(duration)).toEqual(['0 ms', '999 ms', '1.00 s', '1 min 1 s'])
  expect([0, 999, 1000, 12_345, 1_234_567].map(thousands)).toEqual([
    '0',
    '999',
    '1,000',
    '12,345',
    '1,234,567',
  ])
  expect([0.014, 0.5].map(percent)).toEqual(['1.4 %', '50 %'])
  expect(
    table(
      ['name', 'n', 'why'],
      [
        ['a', '10', 'long'],
        ['bcd', '9', ''],
      ],
      [0, 2],
    ),
  ).toEqual(['name   n  why', 'a     10  long', 'bcd    9'])
})
