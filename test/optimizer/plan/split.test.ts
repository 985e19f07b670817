/** Which ranges go ahead, and what they cost. */
import { expect, test } from 'vitest'
import { DEFAULT_OPTIONS, type NetworkModel, type OptimizeOptions } from '../../../optimizer/options.ts'
import { costsOf, decodeAheadMs } from '../../../optimizer/plan/cost.ts'
import type { PlanEntry, PlanLayer } from '../../../optimizer/plan/layer.ts'
import { planImage } from '../../../optimizer/plan/plan.ts'
import { splitOf } from '../../../optimizer/plan/split.ts'
import { read } from '../support.ts'

const KIB = 1024
const MIB = KIB * KIB
const WAN: NetworkModel = { mbitPerSecond: 100, latencyMs: 10, readBytes: 2 * MIB }
const BYTES_PER_MS = 12_500

/** Half of every byte is left after compression. */
const stored = (size: number) =>
  Array.from({ length: Math.ceil(size / (256 * KIB)) }, (_, index) => {
    const fileOffset = index * 256 * KIB
    const length = Math.min(256 * KIB, size - fileOffset)
    return { fileOffset, size: length, stored: length / 2 }
  })
const split = (size: number, ranges: [number, number][], network = WAN) =>
  splitOf(stored(size), size, read('file', { ranges }), network)

test('ranges are whole pages, and end with the file', () => {
  expect(
    split(10 * MIB + 100, [
      [5000, 5001],
      [10 * MIB, 10 * MIB + 100],
    ]).ranges,
  ).toEqual([
    [4096, 8192],
    [10 * MIB, 10 * MIB + 100],
  ])
})

test('neighbours become one where the bytes between cost less than another chunk', () => {
  const near = (between: number): [number, number][] => [
    [0, 4096],
    [4096 + between, 8192 + between],
  ]
  // Half of 4 KiB: 0.2 ms on this link, and a chunk costs more; of 16 KiB, 0.7 ms.
  expect(split(10 * MIB, near(4 * KIB)).ranges).toEqual([[0, 12 * KIB]])
  expect(split(10 * MIB, near(16 * KIB)).ranges).toHaveLength(2)
  expect(split(10 * MIB, near(16 * KIB), { ...WAN, mbitPerSecond: 1000 }).ranges).toHaveLength(1)
  expect(
    split(10 * MIB, [
      [0, 4096],
      [4096, 9000],
    ]).ranges,
  ).toEqual([[0, 12 * KIB]])
})

test('chunks are counted by what they may hold, and bytes in proportion', () => {
  expect(split(10 * MIB, [[MIB, 3 * MIB + 64 * KIB]])).toMatchObject({ chunks: 3 })
  const { bytes, ms, chunks } = split(10 * MIB, [[MIB, MIB + 64 * KIB]])
  expect(chunks).toBe(1)
  expect(bytes).toBeGreaterThan(32 * KIB)
  expect(bytes).toBeLessThan(33 * KIB)
  const link = bytes / BYTES_PER_MS
  expect(ms).toBeGreaterThan(link + decodeAheadMs(64 * KIB, 1))
  expect(ms).toBeLessThan(link + decodeAheadMs(64 * KIB, 1) + 0.1)
})

const layer = (...entries: PlanEntry[]): PlanLayer<PlanEntry> => ({
  entries,
  digestOf: () => undefined,
  storedChunks: ({ size }) => stored(size),
})
const reg = (path: string, size: number): PlanEntry => ({ path, type: 'reg', size })
const plan = (
  entries: PlanEntry[],
  startup: ReturnType<typeof read>[],
  options: Partial<OptimizeOptions> = {},
) => planImage([layer(...entries)], startup, { ...DEFAULT_OPTIONS, split: 'auto', ...options })

const WHOLE = reg('whole', 8 * MIB)
const wholly = read('whole', { ranges: [[0, 8 * MIB]] })
const BIG = reg('big', 40 * MIB)
const inPart = read('big', {
  ranges: [
    [0, 100 * KIB],
    [20 * MIB, 21 * MIB],
  ],
})

test('a large file that is read in part has its ranges ahead, and stays where it is', () => {
  const result = plan([BIG, WHOLE], [inPart, wholly])
  expect(result.decisions.map(({ path, placement }) => [path, placement])).toEqual([
    ['big', 'ranges'],
    ['whole', 'zone'],
  ])
  expect(result.layers[0]?.zone).toEqual(['whole'])
  expect([...(result.layers[0]?.hot ?? [])]).toEqual([
    [
      'big',
      [
        [0, 100 * KIB],
        [20 * MIB, 21 * MIB],
      ],
    ],
  ])
  expect(result.decisions[0]?.split?.bytes).toBeLessThan(MIB)
  expect(result.zoneBytes).toBeLessThan(5.1 * MIB)
})

test('without --split, or where all is read, no file is split', () => {
  const placed = (options: Partial<OptimizeOptions>, startup = [inPart, wholly]) =>
    plan([BIG, WHOLE], startup, options).decisions.map(({ placement }) => placement)
  expect(placed({ split: 'off' })).not.toContain('ranges')
  expect(placed({}, [read('big', { ranges: [[0, 40 * MIB]] }), wholly])).not.toContain('ranges')
})

test('a file that is included by hand goes whole, one that is excluded not at all', () => {
  const placementOf = (options: Partial<OptimizeOptions>) =>
    plan([BIG, WHOLE], [inPart, wholly], options).decisions[0]?.placement
  expect(placementOf({ include: ['big'] })).toBe('zone')
  expect(placementOf({ exclude: ['big'] })).toBe('in-place')
})

test('a file that is no longer the recorded one goes whole: other places of it are read', () => {
  const digest = `sha256:${'1'.repeat(64)}`
  const placementOf = (more: Partial<ReturnType<typeof read>>, present: string | undefined) =>
    planImage([{ ...layer(BIG, WHOLE), digestOf: () => present }], [{ ...inPart, ...more }, wholly], {
      ...DEFAULT_OPTIONS,
      split: 'auto',
      prioritize: 'all',
    }).decisions[0]?.placement
  expect(placementOf({ size: 40 * MIB }, digest)).toBe('ranges')
  expect(placementOf({ size: 40 * MIB - 1 }, digest)).toBe('zone')
  expect(placementOf({ digest }, digest)).toBe('ranges')
  expect(placementOf({ digest }, undefined)).toBe('ranges')
  expect(placementOf({ digest }, `sha256:${'2'.repeat(64)}`)).toBe('zone')
})

test('a layer without anything else ahead is split, too', () => {
  const small = reg('small', 1500 * KIB)
  const start = read('small', { ranges: [[0, 200 * KIB]] })
  expect(plan([small], [start]).decisions[0]?.placement).toBe('ranges')
})

test('two names of a file are one: what was read under either goes ahead, once', () => {
  const link: PlanEntry = { path: 'link', type: 'hardlink', size: 0, linkPath: 'big' }
  const other = read('link', { ranges: [[30 * MIB, 30 * MIB + 4096]] })
  const result = plan([BIG, link, WHOLE], [inPart, other, wholly])
  expect(result.decisions.map(({ placement }) => placement)).toEqual(['ranges', 'ranges', 'zone'])
  expect(result.decisions.map(({ split: part }) => part?.ranges.length)).toEqual([3, undefined, undefined])
  expect(result.layers[0]?.hot.get('big')).toHaveLength(3)
  expect(result.layers[0]?.zone).toEqual(['whole'])
  const alone = plan(
    [BIG, WHOLE],
    [{ ...inPart, ranges: [...inPart.ranges, [30 * MIB, 30 * MIB + 4096]] }, wholly],
  )
  expect(result.zoneBytes).toBe(alone.zoneBytes)
})

test('what is not split costs what it did', () => {
  const size = 40 * MIB
  expect(plan([BIG, WHOLE], [inPart, wholly], { split: 'off' }).decisions[0]).toMatchObject(
    costsOf(stored(size), size, inPart, WAN),
  )
})
