/** The list of files, within a size limit. */
import { deflateRawSync } from 'node:zlib'
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
  const packed = (value: unknown) => deflateRawSync(JSON.stringify(value)).length
  const budget = packed(all.columns) / 2
  const { columns, unlisted } = toColumns(files, budget)
  const kept = columns.size.length
  expect(packed(columns)).toBeLessThanOrEqual(budget)
  expect(kept).toBeGreaterThan(40)
  expect(kept).toBeLessThan(2000)
  expect(columns.openMs.filter((ms) => ms >= 0).length).toBe(40)
  const untouched = columns.size.filter((_, index) => columns.openMs[index] === -1)
  const largest = files
    .filter(({ read }) => read === undefined)
    .map(({ size }) => size)
    .sort((a, b) => b - a)
  expect(untouched.sort((a, b) => b - a)).toEqual(largest.slice(0, kept - 40))
  expect(unlisted.reduce((sum, [, , count]) => sum + count, 0)).toBe(2000 - kept)
  expect(unlisted.length).toBe(7)
})
