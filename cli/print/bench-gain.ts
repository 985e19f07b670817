/** What was gained, and what could still be gained, in one sentence each: the last lines of `bench`. Pure. */
import type { Bench, BenchAudit } from '../../report/bench/file.ts'
import { summarize } from '../../report/bench/summary.ts'
import { bytes, counted, duration } from './output.ts'

/** Undefined if one of the two arms was not measured. */
export function gainOf(bench: Bench): string | undefined {
  const arms = summarize(bench)
  const legacy = arms.find(({ arm }) => arm.kind === 'legacy')
  const optimized = arms.find(({ arm }) => arm.kind === 'optimized')
  if (!legacy || !optimized) return undefined
  const ratio = legacy.total.median / optimized.total.median
  const figures = `${duration(optimized.total.median)} instead of ${duration(legacy.total.median)}`
  if (optimized.against?.verdict === 'none')
    return `The optimized image does not start significantly faster or slower: ${figures}.`
  return ratio >= 1
    ? `The optimized image starts ${ratio.toFixed(1)} times faster: ${figures}.`
    : `The optimized image starts ${(1 / ratio).toFixed(1)} times slower: ${figures}.`
}

export const auditText = ({ unused, unusedBytes, zoneBytes, onDemand }: BenchAudit): string =>
  `audit: ${bytes(unusedBytes)} of the zone's ${bytes(zoneBytes)} were not read (${counted(unused.length, 'file')}); ` +
  `${counted(onDemand.length, 'file')} fetched on demand (pass this measurement to headstart optimize --refine to correct both)`
