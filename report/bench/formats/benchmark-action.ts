/** For github-action-benchmark's `customSmallerIsBetter`: what may be compared from commit to commit, smaller is better. */
import type { Check } from '../budget.ts'
import type { Bench } from '../file.ts'
import { type ArmSummary, type Figure, summarize } from '../summary.ts'

export function toBenchmarkAction(bench: Bench, _checks: readonly Check[]): string {
  return `${JSON.stringify(summarize(bench).flatMap(entries), undefined, 2)}\n`
}

/** Names stay the same from run to run: they are what a history is kept by. */
const entries = ({ arm, total, bytes, requests }: ArmSummary) => [
  { name: `${arm.id}: start`, unit: 'ms', value: rounded(total.median), ...spread(total) },
  { name: `${arm.id}: bytes until ready`, unit: 'bytes', value: rounded(bytes.median) },
  { name: `${arm.id}: requests until ready`, unit: 'requests', value: rounded(requests.median) },
]

const rounded = (value: number): number => Math.round(value * 1000) / 1000

const spread = ({ interval: { low, high }, samples }: Figure) =>
  samples.length > 1 ? { range: `${Math.round(low)} to ${Math.round(high)}` } : {}
