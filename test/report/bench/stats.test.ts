/** The statistics, compared with values from tables and calculated by hand. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  compare,
  median,
  medianInterval,
  quantile,
  randomFrom,
  samplesToDecide,
} from '../../../report/bench/stats.ts'

test('median and p95 interpolate between samples, and do not mind the order', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  expect(quantile([10, 20, 30, 40, 50], 0.95)).toBeCloseTo(48)
  expect(median([])).toBeNaN()
})

test('the interval holds the median, stays inside the samples, and is the same every time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.1, max: 1e5, noNaN: true }), { minLength: 1, maxLength: 15 }),
      (values) => {
        const { low, high } = medianInterval(values)
        expect(low).toBeLessThanOrEqual(median(values))
        expect(high).toBeGreaterThanOrEqual(median(values))
        expect(low).toBeGreaterThanOrEqual(Math.min(...values))
        expect(high).toBeLessThanOrEqual(Math.max(...values))
        expect(medianInterval(values)).toEqual({ low, high })
      },
    ),
    { numRuns: 30 },
  )
})

test('95 % intervals of 12 samples hold the true median about 95 times of 100', () => {
  const random = randomFrom(7)
  const holds = Array.from({ length: 200 }, (_, seed) => {
    const values = Array.from({ length: 12 }, () => 100 + 20 * (random() + random() + random() - 1.5))
    const { low, high } = medianInterval(values, seed)
    return low <= 100 && 100 <= high
  }).filter(Boolean).length
  expect(holds / 200).toBeGreaterThan(0.88)
  expect(holds / 200).toBeLessThanOrEqual(1)
})

test('a difference is one only when chance would hardly make it', () => {
  expect(compare([2.7, 2.8, 2.75], [16.2, 16.0, 16.5])).toMatchObject({ verdict: 'less' })
  expect(compare([16.2, 16.0, 16.5], [2.7, 2.8, 2.75])).toMatchObject({ verdict: 'more' })
  expect(compare([12.9, 12.96, 12.93], [1.6, 12.62, 4])).toMatchObject({ verdict: 'unknown' })
  expect(compare([5, 5, 5], [5, 5, 5])).toMatchObject({ verdict: 'none', ratio: 1, p: 1 })
})

test('one sample or two tell nothing, however far apart they are', () => {
  const unknown = { verdict: 'unknown', p: undefined }
  expect(compare([10], [20, 21, 22])).toMatchObject(unknown)
  expect(compare([2.9, 2.9], [13.5, 13.6])).toMatchObject({ ...unknown, ratio: 2.9 / 13.55 })
  expect(compare([5, 5], [5, 5])).toMatchObject({ ...unknown, ratio: 1 })
})

test('there is no difference only if the samples rule out one of a tenth', () => {
  expect(compare([10, 12, 11], [11, 10.5, 12])).toMatchObject({ verdict: 'unknown' })
  expect(compare([10, 10.1, 9.9, 10], [10.1, 10, 10.05, 9.95])).toMatchObject({ verdict: 'none' })
  expect(compare([10, 10.1, 9.9, 10], [11, 11.1, 10.9, 11])).toMatchObject({ verdict: 'less' })
  // Too few to find it, and it may be a tenth: t(8) = 1.86 for one side at 0.05.
  const around = (center: number) => [-2, -1, 0, 1, 2].map((step) => center * Math.exp(step * 0.05))
  expect(compare(around(10), around(10)).verdict).toBe('none')
  expect(compare(around(10), around(10.1)).verdict).toBe('unknown')
})

test('the samples that would settle it are fewer the clearer the difference', () => {
  const bounds = { usual: 5, most: 20 }
  expect(samplesToDecide([10], [20, 21], bounds)).toBe(5)
  expect(samplesToDecide([12.9, 12.96], [1.6, 2.62], bounds)).toBe(5)
  expect(samplesToDecide([12.9, 12.95, 13], [1.6, 2, 2.62], bounds)).toBe(3)
  const [near, far] = [
    samplesToDecide([10, 11, 12], [11, 12, 14], bounds),
    samplesToDecide([10, 11, 12], [12, 14, 15], bounds),
  ]
  expect(near).toBeGreaterThan(far ?? Number.POSITIVE_INFINITY)
  expect(samplesToDecide([10, 20, 15], [10, 21, 15.5], bounds)).toBeUndefined()
})

test('p is that of the t distribution', () => {
  // exp(±d) with the same spread on both sides: t = 2.776 at 4 degrees of freedom is p = 0.05 (tables).
  const spread = [-1, 0, 1].map((x) => x * 0.1)
  const distance = 2.776 * Math.sqrt((2 * 0.01) / 3)
  const { p } = compare(
    spread.map((x) => Math.exp(x)),
    spread.map((x) => Math.exp(x + distance)),
  )
  expect(p).toBeCloseTo(0.05, 3)
})
