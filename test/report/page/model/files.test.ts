/** The list of files, within a size limit. */
import { expect, test } from 'vitest'
import { toColumns } from '../../../../report/page/model/files.ts'
import { fact } from './fact.ts'

test('a list over the budget keeps what was touched, then the largest, and sums up the rest by folder', () => {
  const files = Array.from({ length: 2000 }, (_, index) =>
    fact(
      `usr/share/x${index % 7}/f${String(index).padStart(5, '0')}`,
      10 + index,
      index % 50 === 0 ? 1 : undefined,
    ),
  ).sort((a, b) => (a.path < b.path ? -1 : 1))
  const all = toColumns(files, 1e6)
  expect(all.columns.size.length).toBe(2000)
  expect(all.unlisted).toEqual([])
  const { columns, unlisted } = toColumns(files, 5000)
  const kept = columns.size.length
  expect(kept).toBeGreaterThan(100)
  expect(kept).toBeLessThan(2000)
  expect(columns.openMs.filter((ms) => ms >= 0).length).toBe(40)
  expect(unlisted.reduce((sum, [, , count]) => sum + count, 0)).toBe(2000 - kept)
  expect(unlisted.length).toBe(7)
})
