/** How `optimize` ends: layers, bytes before and after, the zone, and what of the trace was not found. Pure. */
import type { Decision, Plan } from '../../optimizer/plan/plan.ts'
import type { RebuildSummary } from '../../optimizer/rebuild/image.ts'
import { bytes, counted, duration, percent, table, thousands } from './output.ts'

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

export function optimizeSummary({ layers, plan, manifest }: RebuildSummary, target: string): string[] {
  const rows = layers.map((layer, index) => [
    `${index + 1} ${layer.how}`,
    bytes(layer.source.size),
    bytes(layer.result.size),
    bytes(layer.zoneBytes),
    percent(layer.zoneBytes / layer.result.size),
    thousands(plan.decisions.filter((each) => each.layer === index && each.verdict === 'ahead').length),
  ])
  const [before, after, zone] = [
    sum(layers.map((layer) => layer.source.size)),
    sum(layers.map((layer) => layer.result.size)),
    sum(layers.map((layer) => layer.zoneBytes)),
  ]
  const ahead = plan.decisions.filter(({ verdict }) => verdict === 'ahead').length
  rows.push(['all', bytes(before), bytes(after), bytes(zone), percent(zone / after), thousands(ahead)])
  return [
    ...table(['layer', 'before', 'after', 'zone', 'share', 'files ahead'], rows),
    `${thousands(ahead)} of ${thousands(plan.decisions.length)} files of the start are ahead of the landmark${behindClause(plan)}`,
    ...layers.flatMap(({ why }, index) =>
      why === undefined ? [] : [`layer ${index + 1} is converted anew: ${why}`],
    ),
    ...missingLines(plan),
    `${target}@${manifest.digest}`,
  ]
}

/** How many files stayed behind, reason by reason. */
function behindClause({ decisions }: Plan): string {
  const behind = Map.groupBy(
    decisions.filter(({ verdict }) => verdict !== 'ahead'),
    ({ reason }) => reason,
  )
  if (behind.size === 0) return ''
  const reasons = [...behind].map(([reason, { length }]) => `${thousands(length)} ${reason}`)
  return `; not ahead: ${reasons.join('; ')} (--explain says which)`
}

const SHOWN = 5

function missingLines({ missing }: Plan): string[] {
  if (missing.length === 0) return []
  const names = missing.slice(0, SHOWN).map((each) => each.path)
  const more = missing.length > SHOWN ? ` and ${thousands(missing.length - SHOWN)} more` : ''
  return [`not in the image: ${counted(missing.length, 'file')} of the trace: ${names.join(', ')}${more}`]
}

const VERDICT: Record<Decision['verdict'], string> = { ahead: 'in', 'first-behind': 'next', behind: 'out' }

/** One line a file: in or out, what its bytes cost ahead and on demand, and why. */
export const explanation = ({ decisions }: Plan): string[] =>
  table(
    ['file', 'where', 'bytes', 'ahead', 'on demand', 'saved', 'why'],
    decisions.map((each) => [
      each.path,
      VERDICT[each.verdict],
      bytes(each.bytes),
      duration(each.aheadMs),
      duration(each.onDemandMs),
      duration(Math.abs(each.onDemandMs - each.aheadMs)),
      each.reason,
    ]),
    [0, 1, 6],
  )

/** @param platform of several images, a line each */
export const summaryJson = ({ manifest, layers, plan }: RebuildSummary, platform?: string): string =>
  JSON.stringify({
    platform,
    digest: manifest.digest,
    layers: layers.map(({ source, result, ...rest }) => ({
      ...rest,
      source: source.digest,
      sourceSize: source.size,
      digest: result.digest,
      size: result.size,
    })),
    decisions: plan.decisions,
    missing: plan.missing,
    coverage: plan.coverage,
  })
