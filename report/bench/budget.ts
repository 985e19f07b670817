/** Limits that a measurement must keep: given on the command line, or by an earlier measurement. Pure. */
import { HeadstartError } from '../../system/errors.ts'
import type { Bench } from './file.ts'
import { linkText } from './link/presets.ts'
import { compare } from './stats.ts'
import { type ArmSummary, summarize } from './summary.ts'
import { TOO_FEW } from './verdict.ts'

const METRICS = ['start', 'bytes', 'requests'] as const
export type Metric = (typeof METRICS)[number]

export interface Limit {
  readonly metric: Metric
  /** ms, bytes or a count */
  readonly limit: number
}

/** All limits of a measurement. */
export interface Limits {
  readonly budget: readonly Limit[]
  /** an earlier measurement, and by what share a median may be above its own */
  readonly baseline?: Bench
  readonly maxRegression: number
}

export interface Check {
  readonly arm: string
  readonly metric: Metric
  readonly value: number
  /** the most that is allowed */
  readonly limit: number
  /** of the earlier measurement; undefined for a limit from the command line */
  readonly baseline: number | undefined
  readonly ok: boolean
  /** why a value above its limit passes */
  readonly note: string | undefined
}

const UNITS: Readonly<Record<Metric, Readonly<Record<string, number>>>> = {
  start: { ms: 1, s: 1000, m: 60_000, '': 1000 },
  bytes: { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 },
  requests: { '': 1 },
}

const isMetric = (name: string): name is Metric => METRICS.some((metric) => metric === name)

/**
 * @param text `start=2s`, `bytes=20MB`, `requests=30`; several are separated by commas
 * @throws HeadstartError E_BUDGET
 */
export function parseBudget(text: string): Limit[] {
  return text.split(',').map((part) => {
    const [, name = '', value = '', unit = ''] = /^\s*(\w+)=([\d.]+)\s*([a-z]*)\s*$/i.exec(part) ?? []
    const factor = isMetric(name) ? UNITS[name][unit.toLowerCase()] : undefined
    const limit = Number(value) * (factor ?? Number.NaN)
    if (isMetric(name) && Number.isFinite(limit)) return { metric: name, limit }
    throw new HeadstartError('E_BUDGET', `${JSON.stringify(part.trim())} is not a valid budget`, {
      hint: 'Write it as start=2s, bytes=20MB or requests=30',
    })
  })
}

export const checkLimits = (
  arms: readonly ArmSummary[],
  { budget, baseline, maxRegression }: Limits,
): Check[] => [
  ...checkBudget(arms, budget),
  ...(baseline ? checkBaseline(arms, summarize(baseline), maxRegression) : []),
]

const figureOf = (summary: ArmSummary, metric: Metric) =>
  metric === 'start' ? summary.total : summary[metric]

/** The arm that will be shipped: the optimized one, else the last one measured. */
const shipped = (arms: readonly ArmSummary[]): ArmSummary | undefined =>
  arms.find(({ arm }) => arm.kind === 'optimized') ?? arms.at(-1)

/** Compares medians with the limits. */
function checkBudget(arms: readonly ArmSummary[], limits: readonly Limit[]): Check[] {
  const summary = shipped(arms)
  if (!summary) return []
  return limits.map(({ metric, limit }) => {
    const value = figureOf(summary, metric).median
    return {
      arm: summary.arm.id,
      metric,
      value,
      limit,
      baseline: undefined,
      ok: value <= limit,
      note: undefined,
    }
  })
}

/**
 * Compares every arm with the same arm of an earlier measurement. An increase above the allowed share is a regression, unless it may be
 * chance.
 * @param maxRegression 0.1: an increase of a tenth is allowed
 */
function checkBaseline(
  arms: readonly ArmSummary[],
  baseline: readonly ArmSummary[],
  maxRegression: number,
): Check[] {
  const before = new Map(baseline.map((summary) => [summary.arm.id, summary]))
  return arms.flatMap((summary) => {
    const old = before.get(summary.arm.id)
    return old ? METRICS.map((metric) => regressionOf(summary, old, metric, maxRegression)) : []
  })
}

function regressionOf(now: ArmSummary, old: ArmSummary, metric: Metric, maxRegression: number): Check {
  const [value, baseline] = [figureOf(now, metric), figureOf(old, metric)]
  const limit = baseline.median * (1 + maxRegression)
  const isAbove = value.median > limit
  const compared = compare(value.samples, baseline.samples)
  // One sample or two say nothing of chance: then the limit alone counts.
  const isExcused = isAbove && compared.p !== undefined && compared.verdict !== 'more'
  return {
    arm: now.arm.id,
    metric,
    value: value.median,
    limit,
    baseline: baseline.median,
    ok: !isAbove || isExcused,
    note: isExcused ? (compared.verdict === 'none' ? 'no difference' : TOO_FEW) : undefined,
  }
}

/** Why the two can't be compared: another link, another machine. */
export function baselineDoubts(bench: Bench, baseline: Bench): string[] {
  const doubts: string[] = []
  const { link, machine } = baseline
  if (link.bitsPerSecond !== bench.link.bitsPerSecond || link.roundTripMs !== bench.link.roundTripMs)
    doubts.push(
      `the baseline was measured on a different link (${linkText(link)}; this one: ${linkText(bench.link)})`,
    )
  if (machine.cpu !== bench.machine.cpu || machine.cores !== bench.machine.cores)
    doubts.push('the baseline was measured on a different machine')
  return doubts
}
