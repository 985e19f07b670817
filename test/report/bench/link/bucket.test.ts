/** One direction of a link. */
import { expect, test } from 'vitest'
import { createBucket } from '../../../../report/bench/link/bucket.ts'

test('a bucket lets bytes through one after another at its rate, and does not save up while idle', () => {
  const bucket = createBucket(8_000_000)
  expect(bucket.pass(1000, 0)).toBe(1)
  expect(bucket.pass(1000, 0)).toBe(2)
  expect(bucket.pass(1000, 100)).toBe(101)
  expect(createBucket(null).pass(1e9, 5)).toBe(5)
})
