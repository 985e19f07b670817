/** What a start costs: each file where it was put. */
import { expect, test } from 'vitest'
import { totalMs } from '../../../optimizer/plan/total.ts'

const costs = { bytes: 1, prefetchMs: 10, onDemandMs: 100 }

test.each([
  ['zone', 10],
  ['ranges', 3],
  ['after-zone', 100],
  ['in-place', 100],
])('%s costs %i ms', (placement, ms) => {
  expect(totalMs([{ ...costs, placement, split: { ms: 3 } }])).toBe(ms)
})

test('all together; none costs nothing', () => {
  const all = ['zone', 'in-place'].map((placement) => ({ ...costs, placement }))
  expect([totalMs(all), totalMs([])]).toEqual([110, 0])
})
