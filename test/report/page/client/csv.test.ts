/** Rows as CSV. */
import { expect, test } from 'vitest'
import { csvOf } from '../../../../report/page/client/csv.ts'

test('cells are quoted, and a spreadsheet does not evaluate them', () => {
  expect(csvOf([['=1+1', 'a"b', 'c,d', 5]])).toBe(`'=1+1,"a""b","c,d",5\r\n`)
})
