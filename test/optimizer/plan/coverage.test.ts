/** How much of a recorded start an image still has: by what was read before ready, and by what layers that both have can't tell. */
import { expect, test } from 'vitest'
import { coverageOf, type Sought } from '../../../optimizer/plan/coverage.ts'
import { read } from '../support.ts'

const MB = 1_000_000
const file = (bytes: number, more: Parameters<typeof read>[1] = {}) =>
  read('x', { ranges: [[0, bytes]], size: bytes, ...more })
const found = (bytes: number, size = bytes): Sought => ({
  file: file(bytes),
  found: { size, isShared: false },
})
const shared = (bytes: number): Sought => ({ file: file(bytes), found: { size: bytes, isShared: true } })
const gone = (bytes: number): Sought => ({ file: file(bytes), found: undefined })

test('a file weighs what was read of it, so one that is large counts for more than many that are small', () => {
  expect(coverageOf([gone(9 * MB), ...Array.from({ length: 100 }, () => found(10_000))])).toBeCloseTo(0.1)
  expect(coverageOf([found(9 * MB), gone(MB)])).toBeCloseTo(0.9)
})

test('of a file that has shrunk less is there', () => {
  expect(coverageOf([found(MB, MB / 4)])).toBeCloseTo(0.25)
})

test('what was read after ready, or opened alone, is not waited for', () => {
  const late = { file: file(9 * MB, { afterReady: true }), found: undefined }
  const opened = { file: read('x', { read: false }), found: undefined }
  expect(coverageOf([found(MB), late, opened])).toBe(1)
})

test('files are counted where nothing says how much was read of them', () => {
  const listed = (isThere: boolean): Sought => ({
    file: read('x'),
    found: isThere ? { size: 5 * MB, isShared: false } : undefined,
  })
  expect(coverageOf([listed(true), listed(true), listed(true), listed(false)])).toBe(0.75)
})

test('that the base is still there says nothing of the program: of another one on the same base little is covered', () => {
  const base = Array.from({ length: 30 }, () => shared(MB))
  expect(coverageOf([...base, gone(MB), gone(MB), found(2 * MB)])).toBe(0.5)
  expect(coverageOf([...base, gone(MB)])).toBe(0)
})

test('where both share nearly all of a start, a small file that is gone is no reason to record again', () => {
  expect(coverageOf([...Array.from({ length: 30 }, () => shared(MB)), gone(5000)])).toBeGreaterThan(0.99)
})

test('an empty start is covered', () => {
  expect(coverageOf([])).toBe(1)
})
