/** For programs: the figures of each arm and the checks. The samples themselves are in the measurement's own file. */
import type { Check } from '../budget.ts'
import type { Bench } from '../file.ts'
import { summarize } from '../summary.ts'
import { judge } from '../verdict.ts'

export function toJson(bench: Bench, checks: readonly Check[]): string {
  const summaries = summarize(bench)
  const { decision, title, reason } = judge(summaries)
  const arms = summaries.map(({ arm, total, phases, bytes, requests, after, against }) => ({
    ...arm,
    samples: total.samples.length,
    totalMs: { median: total.median, p95: total.p95, low: total.interval.low, high: total.interval.high },
    phasesMs: phases,
    bytes: bytes.median,
    requests: requests.median,
    after: after ?? null,
    against: against ?? null,
  }))
  const { link, startedAt, interrupted, readiness } = bench
  const ok = checks.every((check) => check.ok)
  const verdict = { decision, title, reason }
  return `${JSON.stringify({ startedAt, interrupted, link, readiness, verdict, arms, checks, ok }, undefined, 2)}\n`
}
