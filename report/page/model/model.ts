/** What the page shows, made from a trace and a measurement. Pure. */
import type { Trace } from '../../../tracer/trace/file.ts'
import type { ArmKind, Bench, BenchSample } from '../../bench/file.ts'
import { PHASES } from '../../bench/file.ts'
import { median } from '../../bench/stats.ts'
import { type ArmSummary, samplesOf, summarize, totalOf } from '../../bench/summary.ts'
import { judge, type Verdict } from '../../bench/verdict.ts'
import { type PageArm, type PageData, type PageLayer, PHASE_NAMES } from '../shared/data.ts'
import { collectFiles, type FileFact, toColumns } from './files.ts'
import { fitArm, type MeasuredLink, type MeasuredSample } from './fit.ts'

export interface Material {
  readonly trace?: Trace | undefined
  readonly bench?: Bench | undefined
  /** the same measured on other links, for the prediction */
  readonly elsewhere?: readonly Bench[] | undefined
  /** an earlier measurement to compare with */
  readonly against?: Bench | undefined
  /** where trace and bench are, for commands that a reader may copy */
  readonly files?: { readonly trace?: string | undefined; readonly bench?: string | undefined } | undefined
}

/** `registry.example/team/app:1@sha256:…`, `docker-daemon:app:1` → `app:1` */
const shortName = (reference: string): string =>
  (reference.split('@')[0] ?? reference)
    .split('/')
    .at(-1)
    ?.replace(/^(docker-daemon|oci|oci-archive|docker-archive):(?=.)/, '') || reference

export const titleOf = ({ trace, bench }: Material): string => {
  const legacy = bench?.arms.find(({ kind }) => kind === 'legacy') ?? bench?.arms[0]
  return shortName((legacy && bench?.images[legacy.image]?.reference) ?? trace?.image.reference ?? 'image')
}

const LABELS: Readonly<Record<ArmKind, string | undefined>> = {
  legacy: 'Full pull',
  lazy: 'Lazy, no zone',
  optimized: 'Lazy, optimized',
  other: undefined,
}

/** Arms of images given with `--image` go by their names. */
export function armLabel(arm: { id: string; kind: ArmKind; runtime: string }): string {
  const label = LABELS[arm.kind]
  return label === undefined || arm.id !== arm.kind ? arm.id : label
}

/** Bytes count in the phase in which they arrived: the zone's phase may have had to wait for a table of contents. */
function measuredOf(sample: BenchSample): MeasuredSample {
  let until = 0
  let before = 0
  const phases = PHASES.map((phase) => {
    until += sample.phases[phase]
    const soFar = sample.timeline.findLast(([ms]) => ms <= until + 1)?.[1] ?? 0
    const bytes = Math.max(0, soFar - before)
    before = Math.max(before, soFar)
    return { ms: sample.phases[phase], bytes, roundTrips: sample.traffic[phase].roundTrips }
  })
  return { phases, layers: sample.unpack.map(({ bytes, ms }) => ({ bytes, unpackMs: ms })) }
}

function onLink(bench: Bench, arm: string): MeasuredLink[] {
  const samples = samplesOf(bench, arm)
  return samples.length === 0 ? [] : [{ link: bench.link, samples: samples.map(measuredOf) }]
}

function pageArm(benches: readonly Bench[], summary: ArmSummary, samples: readonly BenchSample[]): PageArm {
  const { arm, total, phases, bytes, requests } = summary
  const typical = samples.toSorted(
    (a, b) => Math.abs(totalOf(a) - total.median) - Math.abs(totalOf(b) - total.median),
  )[0]
  const pipeline = arm.kind === 'legacy' ? PHASES.indexOf('prefetch') : undefined
  return {
    id: arm.id,
    label: armLabel(arm),
    kind: arm.kind,
    totals: total.samples,
    median: total.median,
    low: total.interval.low,
    high: total.interval.high,
    phases: PHASE_NAMES.map((name) => phases[name]),
    bytes: bytes.median,
    requests: requests.median,
    timeline: thin(typical?.timeline ?? []),
    fit: fitArm(
      benches.flatMap((bench) => onLink(bench, arm.id)),
      pipeline,
    ),
    onLinks: benches.map((bench) => {
      const totals = samplesOf(bench, arm.id).map(totalOf)
      return totals.length === 0 ? null : median(totals)
    }),
  }
}

/** At most 300 points, including the last one: a line does not show more. */
function thin<T>(points: readonly T[]): T[] {
  const step = Math.max(1, Math.ceil(points.length / 300))
  return points.filter((_, index) => index % step === 0 || index === points.length - 1)
}

/** The image whose zone is shown: the optimized one, else the lazy one. */
export function subjectOf(bench: Bench | undefined) {
  const arm =
    bench?.arms.find(({ kind }) => kind === 'optimized') ??
    bench?.arms.find(({ kind }) => kind === 'lazy' || kind === 'other')
  return arm ? bench?.images[arm.image] : undefined
}

export interface Model {
  readonly summaries: readonly ArmSummary[]
  readonly verdict: Verdict
  readonly layers: readonly PageLayer[]
  readonly files: readonly FileFact[]
  readonly data: PageData
}

/** @param budgetBytes the most that the list of files may take in the page, compressed */
export function buildModel({ trace, bench, elsewhere = [] }: Material, budgetBytes: number): Model {
  const benches = bench ? [bench, ...elsewhere.filter(({ link }) => link.bitsPerSecond !== null)] : []
  const summaries = bench ? summarize(bench) : []
  const subject = subjectOf(bench)
  const layers = (subject?.layers ?? []).map(({ digest, size, zoneBytes, tocBytes }) => ({
    digest,
    size,
    zoneBytes,
    tocBytes,
  }))
  const files = collectFiles(trace, subject)
  const { columns, unlisted } = toColumns(files, budgetBytes)
  return {
    summaries,
    verdict: judge(summaries),
    layers,
    files,
    data: {
      arms: bench
        ? summaries.map((summary) => pageArm(benches, summary, samplesOf(bench, summary.arm.id)))
        : [],
      links: benches.map(({ link }) => link),
      layers,
      files: columns,
      unlisted,
      traced: trace !== undefined,
      readyMs: trace?.run.ready.ms ?? null,
    },
  }
}
