/** Predictions for other links. */
import { expect, test } from 'vitest'
import { fitArm, type MeasuredSample } from '../../../../report/page/model/fit.ts'
import { crossings, pipelineMs } from '../../../../report/page/shared/predict.ts'

const link = { name: 'wan', bitsPerSecond: 80_000_000, roundTripMs: 10 }
const at = (bitsPerSecond: number, roundTripMs = 10, pulls = 1) => ({ bitsPerSecond, roundTripMs, pulls })
const fitOn = (sample: MeasuredSample) => fitArm([{ link, samples: [sample] }], undefined)

test('a full pull fetches and unpacks side by side: the slower of the two counts', () => {
  const layers = [1, 2, 3, 4].map(() => ({ bytes: 1_000_000, unpackMs: 500 }))
  // At 8 Mbit/s each layer takes 1 s: four of them, then the last one's unpacking.
  expect(pipelineMs(layers, at(8_000_000, 0))).toBeCloseTo(4500)
  // At 800 Mbit/s unpacking is all: 10 ms for the first layer, then 4 × 500 ms.
  expect(pipelineMs(layers, at(800_000_000, 0))).toBeCloseTo(2010)
})

test('finds where two arms take the same time', () => {
  const fast = fitOn({ phases: [{ ms: 1100, bytes: 1_000_000, roundTrips: 0 }], layers: [] })
  const bulky = fitOn({ phases: [{ ms: 2100, bytes: 20_000_000, roundTrips: 0 }], layers: [] })
  // 1000 + 8e9/b = 100 + 1.6e11/b (ms): b = 152e9 / 900
  const [only, ...more] = crossings(fast, bulky, at(1))
  expect(only).toBeCloseTo(152e9 / 900, -4)
  expect(more).toEqual([])
  expect(crossings(fast, fast, at(1))).toEqual([])
})
