/** What was gained, and what could still be gained: the last lines of `bench`. Pure. */
import type { Bench, BenchAudit } from '../../report/bench/file.ts'
import { summarize } from '../../report/bench/summary.ts'
import { judge } from '../../report/bench/verdict.ts'
import { headlineText, verdictText } from '../../report/bench/verdict-text.ts'
import { bytes, counted, duration } from './output.ts'

/** The verdict, what would settle it, and what was gained, which comes last: nothing if there is nothing to compare. */
export function gainLines(bench: Bench): string[] {
  const verdict = judge(summarize(bench))
  const headline = headlineText(verdict)
  if (headline === undefined) return []
  const { more } = verdict
  return [
    verdictText(verdict),
    ...(more ? [`To take them: --samples ${more.samples} (at least ${duration(more.ms)})`] : []),
    headline,
  ]
}

export const auditText = ({ unused, unusedBytes, zoneBytes, onDemand }: BenchAudit): string =>
  `audit: ${bytes(unusedBytes)} of the zone's ${bytes(zoneBytes)} were not read (${counted(unused.length, 'file')}); ` +
  `${counted(onDemand.length, 'file')} fetched on demand (pass this measurement to headstart optimize --refine to correct both)`
