/** Which groups one request fetches. */
import { expect, test } from 'vitest'
import { edgesOf, mergeRuns } from '../../../../tracer/mount/lazy/runs.ts'

const groups = [
  [0, 100],
  [100, 150],
  [150, 400],
  [500, 600],
  [600, 2000],
].map(([offset = 0, end = 0]) => ({ offset, end, chunks: [] }))

const runs = (maxBytes: number) => mergeRuns(groups, maxBytes).map(({ start, end }) => [start, end])

test('neighbours are fetched together, others are not', () => {
  expect(runs(1 << 20)).toEqual([
    [0, 400],
    [500, 2000],
  ])
})

test('a run stays below its bytes, unless one group is larger', () => {
  expect(runs(160)).toEqual([
    [0, 150],
    [150, 400],
    [500, 600],
    [600, 2000],
  ])
})

test('a run is cut where its groups begin and end', () => {
  const [, second, , fourth] = groups
  if (!second || !fourth) throw new Error('no groups')
  expect(edgesOf({ start: 100, end: 600, groups: [second, fourth] })).toEqual([50, 400, 500])
  expect(edgesOf({ start: 0, end: 400, groups: groups.slice(0, 3) })).toEqual([100, 150, 400])
})
