/** A measurement as rows of text, for the formats that print tables. Pure. */
import type { Check } from '../budget.ts'
import type { Bench } from '../file.ts'
import { linkText } from '../link/presets.ts'
import type { ArmSummary } from '../summary.ts'
import { bytesText, metricText, msText } from '../units.ts'
import { differenceOf } from '../verdict.ts'
import { differenceText } from '../verdict-text.ts'

export const ARM_HEADS = [
  'arm',
  'pull',
  'create',
  'ready',
  'total',
  '95 % interval',
  'p95',
  'n',
  'bytes',
  'requests',
  'vs full pull',
] as const

const difference = ({ against }: ArmSummary): string => (against ? differenceText(differenceOf(against)) : '')

export const armRows = (arms: readonly ArmSummary[]): string[][] =>
  arms.map((summary) => {
    const { arm, phases, total, bytes, requests } = summary
    return [
      arm.id,
      msText(phases.resolve + phases.tocs + phases.prefetch),
      msText(phases.create),
      msText(phases.ready),
      msText(total.median),
      total.samples.length > 1 ? `${msText(total.interval.low)} – ${msText(total.interval.high)}` : '–',
      msText(total.p95),
      String(total.samples.length),
      bytesText(bytes.median),
      metricText('requests', requests.median),
      difference(summary),
    ]
  })

/** What was fetched in the background after ready, arm by arm; undefined if requests were not recorded then. */
export function background(arms: readonly ArmSummary[]): string | undefined {
  const watched = arms.flatMap(({ arm, after }) =>
    after && arm.kind !== 'legacy' && arm.runtime !== 'builtin'
      ? [
          `${arm.id} ${bytesText(after.bytes)} (${metricText('requests', after.requests)} requests in ${msText(after.ms)})`,
        ]
      : [],
  )
  const isBuiltin = arms.some(({ arm }) => arm.kind !== 'legacy' && arm.runtime === 'builtin')
  if (isBuiltin) watched.push('the built-in mount fetches nothing in the background')
  return watched.length === 0 ? undefined : `after ready: ${watched.join(', ')}`
}

export const CHECK_HEADS = ['check', 'arm', 'value', 'limit', 'baseline', 'result'] as const

export const checkRows = (checks: readonly Check[]): string[][] =>
  checks.map(({ metric, arm, value, limit, baseline, ok, note }) => [
    metric,
    arm,
    metricText(metric, value),
    metricText(metric, limit),
    baseline === undefined ? '' : metricText(metric, baseline),
    note ?? (ok ? 'ok' : 'EXCEEDED'),
  ])

/** The conditions of the measurement, in one line. */
export function conditions({ link, readiness, interrupted, machine, versions }: Bench): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `link ${linkText(link)}; ready when ${readiness}; ${machine.cores} cores; ${programs.join(', ')}${interrupted ? '; interrupted' : ''}`
}
