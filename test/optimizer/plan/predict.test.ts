/** The first start by the model: what is fetched before it, what during it, and what pulling everything would have been. */
import { expect, test } from 'vitest'
import type { Decision } from '../../../optimizer/plan/plan.ts'
import { type PredictedLayer, predictStart } from '../../../optimizer/plan/predict.ts'

/** 1 byte a millisecond is 0.008 Mbit/s: times are bytes and round trips. */
const network = { mbitPerSecond: 0.008, latencyMs: 100 }
const layer = (more: Partial<PredictedLayer> = {}): PredictedLayer => ({
  before: 1000,
  after: 1100,
  content: 0,
  zoneBytes: 0,
  tocBytes: 50,
  ...more,
})
const decision = (more: Partial<Decision>): Decision => ({
  path: 'x',
  layer: 0,
  placement: 'zone',
  reason: '',
  bytes: 0,
  prefetchMs: 0,
  onDemandMs: 0,
  onDemandBytes: 0,
  isAwaited: true,
  ...more,
})

test('what is ahead costs its bytes and the model’s time; what stays behind costs its requests', () => {
  const start = predictStart(
    [layer({ zoneBytes: 200 }), layer()],
    [
      decision({ prefetchMs: 210 }),
      decision({ placement: 'in-place', onDemandMs: 130, onDemandBytes: 30 }),
      decision({ placement: 'after-zone', onDemandMs: 999, onDemandBytes: 999, isAwaited: false }),
    ],
    network,
  )
  expect(start.bytes).toBe(50 + 50 + 200 + 30)
  expect(start.ms).toBeCloseTo(5 * 100 + 100 + 210 + 130)
  expect(start.fullBytes).toBe(2000)
  expect(start.fullMs).toBeCloseTo(3 * 100 + 2000)
})

test('a layer that can’t be read lazily is pulled whole, and unpacked', () => {
  const start = predictStart([layer({ tocBytes: undefined, content: 1e6, zoneBytes: 70 })], [], network)
  expect(start.bytes).toBe(1100)
  expect(start.ms).toBeCloseTo(2 * 100 + 1100 + 12)
})

test('a file that is split costs what its ranges cost', () => {
  const split = { ranges: [], bytes: 10, chunks: 1, ms: 25 }
  const { ms } = predictStart([layer()], [decision({ placement: 'ranges', split, onDemandMs: 999 })], network)
  expect(ms).toBeCloseTo(4 * 100 + 50 + 25)
})
