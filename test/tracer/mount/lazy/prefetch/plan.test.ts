/** Requests of a prefetch: whatever is wanted is in one of them, what comes first is asked for first, and little else is fetched. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Group } from '../../../../../image/estargz/read/groups.ts'
import {
  bytesOf,
  type PlanLimits,
  planRuns,
  type Wanted,
} from '../../../../../tracer/mount/lazy/prefetch/plan.ts'
import { cases, PATIENCE_MS } from '../../../../support/property.ts'

const limits: PlanLimits = { firstBytes: 100, mostBytes: 1000, gapBytes: 10, atOnce: 2 }

const group = (offset: number, end: number): Group => ({ offset, end, chunks: [] })
const at = (layer: number, ...edges: [number, number][]): Wanted[] =>
  edges.map(([offset, end]) => ({ layer, group: group(offset, end) }))

const shown = (wanted: readonly Wanted[], changed: Partial<PlanLimits> = {}) =>
  planRuns(wanted, { ...limits, ...changed }).map(({ layer, start, end }) => [layer, start, end])

test('neighbours come in one request, those before as well as those behind', () => {
  expect(shown(at(0, [40, 60], [20, 40], [60, 80]))).toEqual([[0, 20, 80]])
})

test('a small gap is bridged, a larger one and another layer are not', () => {
  expect(shown([...at(0, [0, 20], [30, 40], [51, 60]), ...at(1, [60, 70])])).toEqual([
    [0, 0, 40],
    [0, 51, 60],
    [1, 60, 70],
  ])
})

test('the first requests are small, later ones larger, up to a bound; only a group alone is larger', () => {
  const row = Array.from({ length: 40 }, (_, index): [number, number] => [index * 100, index * 100 + 100])
  const sizes = planRuns(at(0, ...row), { ...limits, mostBytes: 400 }).map(({ start, end }) => end - start)
  expect(sizes.slice(0, 7)).toEqual([100, 100, 200, 200, 400, 400, 400])
  expect(shown(at(0, [0, 5000], [5000, 5010]))).toEqual([
    [0, 0, 5000],
    [0, 5000, 5010],
  ])
})

test('what is wanted twice is fetched once', () => {
  expect(shown(at(0, [0, 20], [500, 520], [0, 20]))).toEqual([
    [0, 0, 20],
    [0, 500, 520],
  ])
})

/** Layers with groups that don't overlap, and a list of some of them, in any order and repeated. */
const wantedLists = fc
  .array(fc.array(fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 400 })), { maxLength: 30 }), {
    maxLength: 4,
  })
  .map((layers) =>
    layers.flatMap((sizes, layer) => {
      let end = 0
      return sizes.map(([gap, size]): Wanted => {
        const offset = end + gap
        end = offset + size
        return { layer, group: group(offset, end) }
      })
    }),
  )
  .chain((all) =>
    all.length === 0 ? fc.constant<Wanted[]>([]) : fc.array(fc.constantFrom(...all), { maxLength: 200 }),
  )

const someLimits = fc.record({
  firstBytes: fc.integer({ min: 1, max: 500 }),
  mostBytes: fc.integer({ min: 500, max: 5000 }),
  gapBytes: fc.nat(20),
  atOnce: fc.integer({ min: 1, max: 5 }),
})

const keyOf = ({ layer, group: { offset } }: Wanted): string => `${layer}:${offset}`

test(
  'each wanted group is in exactly one run, and no other is',
  () => {
    fc.assert(
      fc.property(wantedLists, someLimits, (wanted, given) => {
        const runs = planRuns(wanted, given)
        const fetched = runs.flatMap(({ layer, groups }) => groups.map((one) => keyOf({ layer, group: one })))
        expect(new Set(fetched).size).toBe(fetched.length)
        expect(fetched.toSorted()).toEqual([...new Set(wanted.map(keyOf))].sort())
      }),
      cases(500),
    )
  },
  PATIENCE_MS,
)

test(
  'runs are as large as they may be, begin and end with what is wanted, and have no gap that is too large',
  () => {
    fc.assert(
      fc.property(wantedLists, someLimits, (wanted, given) => {
        const runs = planRuns(wanted, given)
        let gaps = 0
        for (const [number, { start, end, groups }] of runs.entries()) {
          const most = Math.min(given.mostBytes, given.firstBytes * 2 ** Math.floor(number / given.atOnce))
          expect(groups.length === 1 || end - start <= most).toBe(true)
          expect([start, end]).toEqual([groups[0]?.offset, groups.at(-1)?.end])
          for (const [index, { offset }] of groups.entries()) {
            const gap = offset - (groups[index - 1]?.end ?? offset)
            expect(gap).toBeGreaterThanOrEqual(0)
            expect(gap).toBeLessThanOrEqual(given.gapBytes)
            gaps += gap
          }
        }
        const sizes = new Map(wanted.map((one) => [keyOf(one), one.group.end - one.group.offset]))
        expect(bytesOf(runs)).toBe([...sizes.values()].reduce((sum, size) => sum + size, gaps))
      }),
      cases(500),
    )
  },
  PATIENCE_MS,
)

test(
  'each run has the earliest group that no run before it has',
  () => {
    fc.assert(
      fc.property(wantedLists, someLimits, (wanted, given) => {
        const fetched = new Set<string>()
        for (const { layer, groups } of planRuns(wanted, given)) {
          const own = groups.map((one) => keyOf({ layer, group: one }))
          const first = wanted.find((one) => !fetched.has(keyOf(one)))
          expect(own).toContain(first && keyOf(first))
          for (const key of own) fetched.add(key)
        }
      }),
      cases(500),
    )
  },
  PATIENCE_MS,
)
