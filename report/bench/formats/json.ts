/** For programs: the figures of each arm and the checks. The samples themselves are in the measurement's own file. */
import type { Conclusion } from '../conclusion.ts'

export function toJson({ bench, arms: summaries, verdict: judged, checks }: Conclusion): string {
  const { decision, title, reason } = judged
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
  const { link, startedAt, interrupted, readiness, versions } = bench
  const ok = checks.every((check) => check.ok)
  const verdict = { decision, title, reason }
  return `${JSON.stringify({ startedAt, interrupted, link, readiness, versions, verdict, arms, checks, ok }, undefined, 2)}\n`
}
