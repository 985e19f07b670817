/** From a trace and a measurement to what the page shows. Pure. */
import type { Trace } from '../../tracer/trace.ts'
import type { Bench, BenchSample } from '../bench/file.ts'
import { PHASES } from '../bench/file.ts'
import { type ArmSummary, samplesOf, summarize, totalOf } from '../bench/summary.ts'
import { type ArmKind, type PageArm, type PageData, type PageLayer, PHASE_NAMES } from './data.ts'
import { collectFiles, type FileFact, toColumns } from './files.ts'
import { fitArm } from './predict.ts'

export interface Material {
  readonly trace?: Trace | undefined
  readonly bench?: Bench | undefined
}

const LABELS: Readonly<Record<ArmKind, string | undefined>> = {
  legacy: 'Full pull',
  lazy: 'Lazy, no zone',
  optimized: 'Lazy, optimized',
  other: undefined,
}

/** Several arms of a kind (`--image`) are told apart by their own names. */
export function armLabel(arm: { id: string; kind: ArmKind; runtime: string }): string {
  const label = LABELS[arm.kind]
  return label === undefined || arm.id !== arm.kind ? arm.id : label
}

function measuredOf(sample: BenchSample) {
  return {
    phases: PHASES.map((phase) => ({
      ms: sample.phases[phase],
      bytes: sample.traffic[phase].bytes,
      roundTrips: sample.traffic[phase].roundTrips,
    })),
    layers: sample.unpack.map(({ bytes, ms }) => ({ bytes, unpackMs: ms })),
  }
}

function pageArm(bench: Bench, { arm, total, phases, bytes, requests }: ArmSummary): PageArm {
  const samples = samplesOf(bench, arm.id)
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
    fit: fitArm(samples.map(measuredOf), bench.link, pipeline),
  }
}

/** At most 300 points are drawn, the last one among them: a line on paper has no more. */
function thin<T>(points: readonly T[]): T[] {
  const step = Math.max(1, Math.ceil(points.length / 300))
  return points.filter((_, index) => index % step === 0 || index === points.length - 1)
}

/** The image whose zone is looked at: the optimized one, else the lazy one. */
export function subjectOf(bench: Bench | undefined) {
  const arm =
    bench?.arms.find(({ kind }) => kind === 'optimized') ??
    bench?.arms.find(({ kind }) => kind === 'lazy' || kind === 'other')
  return arm ? bench?.images[arm.image] : undefined
}

export interface Model {
  readonly summaries: readonly ArmSummary[]
  readonly layers: readonly PageLayer[]
  readonly files: readonly FileFact[]
  readonly data: PageData
}

/** @param budgetBytes what the list of files may take in the page, compressed */
export function buildModel({ trace, bench }: Material, budgetBytes: number): Model {
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
    layers,
    files,
    data: {
      arms: bench ? summaries.map((summary) => pageArm(bench, summary)) : [],
      link: bench?.link,
      layers,
      files: columns,
      unlisted,
      traced: trace !== undefined,
      readyMs: trace?.run.ready.ms ?? null,
    },
  }
}
