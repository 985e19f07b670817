/** By the model that the plan is made with, a start costs no more with ranges ahead than without, and no more without them than with no zone. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEFAULT_OPTIONS, type NetworkModel, type OptimizeOptions } from '../../../optimizer/options.ts'
import type { PlanEntry, PlanLayer } from '../../../optimizer/plan/layer.ts'
import { type Decision, planImage } from '../../../optimizer/plan/plan.ts'
import { cases } from '../../support/property.ts'
import { read } from '../support.ts'

const KIB = 1024
const MIB = KIB * KIB

/** A file, or another name of one, and what the start reads of it. */
const anyFile = fc.record({
  layer: fc.nat(2),
  size: fc.oneof(fc.integer({ min: 0, max: 200 * KIB }), fc.integer({ min: 1, max: 30 * MIB })),
  /** of its bytes, what is left after compression */
  ratio: fc.constantFrom(0.01, 0.3, 1),
  chunkSize: fc.constantFrom(256 * KIB, 4 * MIB),
  /** another name of the file before it */
  isLink: fc.boolean(),
  afterReady: fc.boolean(),
  reads: fc.array(
    fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 2 * MIB })),
    { minLength: 1, maxLength: 8 },
  ),
})
type AnyFile = typeof anyFile extends fc.Arbitrary<infer T> ? T : never

const anyNetwork: fc.Arbitrary<NetworkModel> = fc.record({
  mbitPerSecond: fc.constantFrom(5, 100, 1000, 10_000),
  latencyMs: fc.constantFrom(0.1, 1, 10, 100),
  readBytes: fc.constantFrom(undefined, 2 * MIB),
})

function imageOf(files: readonly AnyFile[]) {
  const layers: PlanEntry[][] = [[], [], []]
  const facts = new Map<PlanEntry, AnyFile>()
  const startup: ReturnType<typeof read>[] = []
  let target: { path: string; layer: number; file: AnyFile } | undefined
  for (const [index, file] of files.entries()) {
    const path = `f${index}`
    const linked = file.isLink && target ? target : undefined
    const entry: PlanEntry = linked
      ? { path, type: 'hardlink', size: 0, linkPath: linked.path }
      : { path, type: 'reg', size: file.size }
    layers[linked?.layer ?? file.layer]?.push(entry)
    facts.set(entry, file)
    if (!linked) target = { path, layer: file.layer, file }
    const { size } = linked?.file ?? file
    startup.push(read(path, { ranges: rangesOf(file, size), size, afterReady: file.afterReady }))
  }
  const planned = layers.map(
    (entries): PlanLayer<PlanEntry> => ({
      entries,
      digestOf: () => undefined,
      storedChunks: (entry) => chunksOf(entry.size, facts.get(entry)),
    }),
  )
  return { planned, startup }
}

function chunksOf(size: number, { chunkSize = 4 * MIB, ratio = 1 }: Partial<AnyFile> = {}) {
  return Array.from({ length: Math.ceil(size / chunkSize) }, (_, index) => {
    const fileOffset = index * chunkSize
    const length = Math.min(chunkSize, size - fileOffset)
    return { fileOffset, size: length, stored: Math.max(20, Math.round(length * ratio)) }
  })
}

function rangesOf({ reads }: AnyFile, size: number): [number, number][] {
  const ranges: [number, number][] = []
  for (const [at, length] of reads.toSorted(([a], [b]) => a - b)) {
    const start = Math.floor(at * size)
    const end = Math.min(size, start + length)
    const last = ranges.at(-1)
    if (start >= end) continue
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else ranges.push([start, end])
  }
  return ranges
}

type Options = Pick<OptimizeOptions, 'maxZone' | 'exclude' | 'network'>

function costOf(files: readonly AnyFile[], options: Options, split: OptimizeOptions['split']) {
  const { planned, startup } = imageOf(files)
  const { decisions } = planImage(planned, startup, { ...DEFAULT_OPTIONS, ...options, split })
  const afterReady = new Set(startup.filter((file) => file.afterReady).map(({ path }) => path))
  const before = decisions.filter(({ path }) => !afterReady.has(path))
  const sum = (ms: (decision: Decision) => number) => before.reduce((all, decision) => all + ms(decision), 0)
  // Another name of a file that is ahead already has no bytes.
  const planMs = sum(({ placement, split: part, bytes, prefetchMs, onDemandMs }) =>
    placement === 'ranges' && bytes > 0 ? (part?.ms ?? 0) : placement === 'zone' ? prefetchMs : onDemandMs,
  )
  return {
    ms: planMs,
    onDemandMs: sum((each) => each.onDemandMs),
  }
}

const options = fc.record({
  network: anyNetwork,
  maxZone: fc.option(fc.integer({ min: 0, max: 20 * MIB }), { nil: undefined }),
  exclude: fc.constantFrom([], ['f0'], ['f1']),
})

test('with ranges ahead ≤ without ≤ no zone', () => {
  fc.assert(
    fc.property(fc.array(anyFile, { minLength: 1, maxLength: 8 }), options, (files, given) => {
      const [auto, off] = [costOf(files, given, 'auto'), costOf(files, given, 'off')]
      expect(auto.ms).toBeLessThanOrEqual(off.ms + 1e-6)
      expect(off.ms).toBeLessThanOrEqual(off.onDemandMs + 1e-6)
    }),
    cases(1000),
  )
})
