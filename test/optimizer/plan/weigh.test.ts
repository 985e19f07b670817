/** Which files are split: those whose ranges are known to be this file's, and save time. */
import { expect, test } from 'vitest'
import { DEFAULT_OPTIONS, type OptimizeOptions } from '../../../optimizer/options.ts'
import type { Found } from '../../../optimizer/plan/find.ts'
import type { PlanEntry, PlanLayer } from '../../../optimizer/plan/layer.ts'
import type { StartupFile } from '../../../optimizer/plan/startup.ts'
import { isCheaperOnDemand, NOTHING, weighAll } from '../../../optimizer/plan/weigh.ts'
import { read } from '../support.ts'

const MIB = 1 << 20
const PAGE = 4096
const entry: PlanEntry = { path: 'big', type: 'reg', size: 40 * MIB }
const chunks = Array.from({ length: 10 }, (_, index) => ({
  fileOffset: index * 4 * MIB,
  size: 4 * MIB,
  stored: 2 * MIB,
}))
const layer: PlanLayer<PlanEntry> = {
  entries: [entry],
  storedChunks: () => chunks,
  digestOf: () => 'sha256:same',
}

const found = (
  file: Partial<StartupFile> | undefined,
  rest: Partial<Found<PlanEntry>> = {},
): Found<PlanEntry> => ({
  path: 'big',
  owned: { layer: 0, entry, content: undefined },
  file: file && read('big', { ranges: [[0, PAGE]], ...file }),
  movedFrom: undefined,
  isIncluded: false,
  isExcluded: false,
  ...rest,
})

const weigh = (all: Found<PlanEntry>[], options: Partial<OptimizeOptions> = { split: 'auto' }) =>
  weighAll(all, [layer], { ...DEFAULT_OPTIONS, ...options })
const rangesOf = (...args: Parameters<typeof weigh>) => weigh(...args)[0]?.split?.ranges

test('a file of which little is read is split, if splitting is on', () => {
  expect(rangesOf([found({})])).toEqual([[0, PAGE]])
  expect(rangesOf([found({})], { split: 'off' })).toBeUndefined()
})

test.each<[string, Partial<StartupFile> | undefined, Partial<Found<PlanEntry>>]>([
  ['read whole', { ranges: [] }, {}],
  ['read after ready', { afterReady: true }, {}],
  ['not read', { read: false }, {}],
  ['of another size', { size: 41 * MIB }, {}],
  ['of other content', { digest: 'sha256:other' }, {}],
  ['included by hand', {}, { isIncluded: true }],
  ['excluded by hand', {}, { isExcluded: true }],
  ['not of the start', undefined, { isIncluded: true }],
])('a file %s is not split, even where all are', (_, file, rest) => {
  expect(rangesOf([found({ size: 40 * MIB, digest: 'sha256:same' })], { split: 'always' })).toBeDefined()
  expect(rangesOf([found(file, rest)], { split: 'always' })).toBeUndefined()
})

test('a file has one split under all its names, with what was read under each', () => {
  const link: PlanEntry = { path: 'link', type: 'hardlink', size: 0, linkPath: 'big' }
  const second = found(
    { ranges: [[20 * MIB, 20 * MIB + PAGE]] },
    { path: 'link', owned: { layer: 0, entry: link, content: { layer: 0, entry } } },
  )
  const both = [
    [0, PAGE],
    [20 * MIB, 20 * MIB + PAGE],
  ]
  expect(weigh([second, found({})]).map(({ split }) => split?.ranges)).toEqual([both, both])
})

test('what has no content costs nothing', () => {
  const dir: PlanEntry = { path: 'd', type: 'dir', size: 0 }
  const weighed = weigh([found({}, { owned: { layer: 0, entry: dir, content: undefined } })])
  expect(weighed[0]).toMatchObject({ costs: NOTHING, split: undefined })
})

test('cheaper on demand is a reason only where the worth counts', () => {
  const costs = { bytes: 1, prefetchMs: 2, onDemandMs: 1 }
  expect(isCheaperOnDemand(costs, { prioritize: 'worth' })).toBe(true)
  expect(isCheaperOnDemand(costs, { prioritize: 'all' })).toBe(false)
  expect(isCheaperOnDemand({ ...costs, onDemandMs: 2 }, { prioritize: 'worth' })).toBe(false)
})
