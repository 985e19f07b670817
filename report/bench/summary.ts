/** A measurement in a few figures per arm, for tables, budgets, pull requests and the page's headline. Pure. */
import { type Bench, type BenchArm, type BenchSample, PHASES, type Phase } from './file.ts'
import { type Comparison, compare, type Figure, figure, median } from './stats.ts'

export interface ArmSummary {
  readonly arm: BenchArm
  readonly total: Figure
  /** medians, ms */
  readonly phases: Readonly<Record<Phase, number>>
  /** until ready */
  readonly bytes: Figure
  readonly requests: Figure
  /** what arrived within `ms` after ready, medians of the samples that were watched; undefined: none was */
  readonly after: { readonly ms: number; readonly bytes: number; readonly requests: number } | undefined
  /** total compared with the legacy arm's; undefined for that arm itself, and if it was not measured */
  readonly against: Comparison | undefined
}

export const totalOf = (sample: BenchSample): number =>
  PHASES.reduce((sum, phase) => sum + sample.phases[phase], 0)

export const bytesOf = (sample: BenchSample): number =>
  PHASES.reduce((sum, phase) => sum + sample.traffic[phase].bytes, 0)

const requestsOf = (sample: BenchSample): number =>
  PHASES.reduce((sum, phase) => sum + sample.traffic[phase].requests, 0)

export const samplesOf = (bench: Bench, arm: string): BenchSample[] =>
  bench.samples.filter((sample) => sample.arm === arm)

function afterReady(samples: readonly BenchSample[]): ArmSummary['after'] {
  const watched = samples.map(({ after }) => after).filter(({ ms }) => ms > 0)
  if (watched.length === 0) return undefined
  const of = (name: 'ms' | 'bytes' | 'requests') => median(watched.map((one) => one[name]))
  return { ms: of('ms'), bytes: of('bytes'), requests: of('requests') }
}

/** Without the arms that have no sample, as after an interruption. */
export function summarize(bench: Bench): ArmSummary[] {
  const measured = bench.arms.filter((arm) => bench.samples.some((sample) => sample.arm === arm.id))
  const base = measured.find((arm) => arm.kind === 'legacy')
  const baseTotals = base ? samplesOf(bench, base.id).map(totalOf) : []
  return measured.map((arm) => {
    const samples = samplesOf(bench, arm.id)
    const of = (phase: Phase) => median(samples.map((sample) => sample.phases[phase]))
    const totals = samples.map(totalOf)
    return {
      arm,
      total: figure(totals),
      phases: {
        resolve: of('resolve'),
        tocs: of('tocs'),
        prefetch: of('prefetch'),
        create: of('create'),
        ready: of('ready'),
      },
      bytes: figure(samples.map(bytesOf)),
      requests: figure(samples.map(requestsOf)),
      after: afterReady(samples),
      against: base === undefined || arm === base ? undefined : compare(totals, baseTotals),
    }
  })
}
