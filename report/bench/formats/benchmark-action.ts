/** For github-action-benchmark's `customSmallerIsBetter`: what may be compared from commit to commit, smaller is better. */
import type { Conclusion } from '../conclusion.ts'
import type { Figure } from '../stats.ts'
import type { ArmSummary } from '../summary.ts'

export function toBenchmarkAction({ arms }: Conclusion): string {
  return `${JSON.stringify(arms.flatMap(entries), undefined, 2)}\n`
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
