/** What was gained, and what could be gained still, in a sentence each: how `bench` ends. Pure. */
import type { Bench, BenchAudit } from '../../report/bench/file.ts'
import { summarize } from '../../report/bench/summary.ts'
import { bytes, counted, duration } from './output.ts'

/** Undefined where one of the two arms was not measured. */
export function gainOf(bench: Bench): string | undefined {
  const arms = summarize(bench)
  const legacy = arms.find(({ arm }) => arm.kind === 'legacy')
  const optimized = arms.find(({ arm }) => arm.kind === 'optimized')
  if (!legacy || !optimized) return undefined
  const ratio = legacy.total.median / optimized.total.median
  const figures = `${duration(legacy.total.median)} to ${duration(optimized.total.median)}`
  if (optimized.against?.verdict === 'none') return `No significant difference in the start: ${figures}.`
  return ratio >= 1
    ? `The start became ${ratio.toFixed(1)} times faster: from ${figures}.`
    : `The start became ${(1 / ratio).toFixed(1)} times slower: from ${figures}.`
}

export const auditText = ({ unused, unusedBytes, zoneBytes, onDemand }: BenchAudit): string =>
  `audit: not read of the zone's ${bytes(zoneBytes)}: ${bytes(unusedBytes)} in ${counted(unused.length, 'file')}; ` +
  `fetched on demand: ${counted(onDemand.length, 'file')} (headstart optimize --refine takes both into account)`
