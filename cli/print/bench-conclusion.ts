/** What `bench` prints once it has measured: the result in the format that was asked for, the limits, the audit, what was gained. */
import type { Conclusion } from '../../report/bench/conclusion.ts'
import type { BenchAudit } from '../../report/bench/file.ts'
import { formats } from '../../report/bench/formats/index.ts'
import { headlineText, verdictText } from '../../report/bench/verdict-text.ts'
import type { BenchOrder } from '../flags/bench.ts'
import { addToJobSummary } from '../job-summary.ts'
import { bytes, counted, duration, type Output } from './output.ts'

type Printed = Pick<BenchOrder, 'format' | 'output'> & {
  readonly measure: Pick<BenchOrder['measure'], 'rounds'>
}

export async function printConclusion(
  conclusion: Conclusion,
  { format, output: file, measure }: Printed,
  output: Output,
): Promise<void> {
  const { bench, doubts } = conclusion
  if (bench.interrupted) output.warn(incomplete(conclusion, measure.rounds.samples))
  for (const doubt of doubts) output.warn(doubt)
  output.note(`written to ${file}`)
  // Each format keeps what it is given on its own lines.
  output.result(formats[format](conclusion).trimEnd().split('\n'))
  await addToJobSummary(formats.markdown(conclusion), output)
  if (bench.audit) output.note(auditText(bench.audit))
  if (format === 'text') output.result(gainLines(conclusion))
}

const incomplete = ({ bench: { samples, arms } }: Conclusion, wanted: number): string =>
  `incomplete: ${samples.length} of ${arms.length * wanted} samples were taken before it was interrupted`

/**
 * The verdict, and what was gained, which comes last: nothing if there is nothing to compare. That there are too few samples is said with the gain,
 * so the line before it only says why, and how to take more.
 */
export function gainLines({ verdict }: Pick<Conclusion, 'verdict'>): string[] {
  const headline = headlineText(verdict)
  if (headline === undefined) return []
  const { decision, reason, more } = verdict
  if (decision !== 'unclear') return [verdictText(verdict), headline]
  const how = more ? ` To take more: --samples ${more.samples} (at least ${duration(more.ms)})` : ''
  return [`${reason}${how}`, headline]
}

const auditText = ({ unused, unusedBytes, zoneBytes, onDemand }: BenchAudit): string =>
  `audit: ${bytes(unusedBytes)} of the zone's ${bytes(zoneBytes)} were not read (${counted(unused.length, 'file')}); ` +
  `${counted(onDemand.length, 'file')} fetched on demand (pass this measurement to headstart optimize --refine to correct both)`
