/** What `bench` prints once it has measured: the result in the format that was asked for, the limits, the audit, what was gained. */
import type { Conclusion } from '../../report/bench/conclusion.ts'
import type { BenchAudit } from '../../report/bench/file.ts'
import { formats } from '../../report/bench/formats/index.ts'
import { headlineText, verdictText } from '../../report/bench/verdict-text.ts'
import type { BenchOrder } from '../flags/bench.ts'
import { addToJobSummary } from '../job-summary.ts'
import { bytes, counted, duration, type Output } from './output.ts'

const FIRST_LOOK = 'a first look: without --quick there are enough samples to rely on'

type Printed = Pick<BenchOrder, 'format' | 'output' | 'quick'> & {
  readonly measure: Pick<BenchOrder['measure'], 'rounds'>
}

export async function printConclusion(
  conclusion: Conclusion,
  { format, output: file, quick, measure }: Printed,
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
  if (quick) output.note(FIRST_LOOK)
}

const incomplete = ({ bench: { samples, arms } }: Conclusion, wanted: number): string =>
  `incomplete: ${samples.length} of ${arms.length * wanted} samples were taken before it was interrupted`

/** The verdict, what would settle it, and what was gained, which comes last: nothing if there is nothing to compare. */
export function gainLines({ verdict }: Pick<Conclusion, 'verdict'>): string[] {
  const headline = headlineText(verdict)
  if (headline === undefined) return []
  const { more } = verdict
  return [
    verdictText(verdict),
    ...(more ? [`To take them: --samples ${more.samples} (at least ${duration(more.ms)})`] : []),
    headline,
  ]
}

const auditText = ({ unused, unusedBytes, zoneBytes, onDemand }: BenchAudit): string =>
  `audit: ${bytes(unusedBytes)} of the zone's ${bytes(zoneBytes)} were not read (${counted(unused.length, 'file')}); ` +
  `${counted(onDemand.length, 'file')} fetched on demand (pass this measurement to headstart optimize --refine to correct both)`
