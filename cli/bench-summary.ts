/** How `bench` ends: a table of medians, and in its last line what was gained. Pure. */
import { type Bench, PHASES } from '../report/bench/file.ts'
import { type ArmSummary, summarize } from '../report/bench/summary.ts'
import { bytes, duration, table, thousands } from './output.ts'

export function benchSummary(bench: Bench, file: string): string {
  const arms = summarize(bench)
  const rows = arms.map((each) => [
    each.arm.id,
    duration(pull(each)),
    duration(each.phases.create),
    duration(each.phases.ready),
    duration(each.total.median),
    spread(each),
    bytes(each.bytes.median),
    thousands(each.requests.median),
  ])
  const counts = [...new Set(arms.map((each) => each.total.samples.length))].join(' or ')
  return [
    table(['arm', 'pull', 'create', 'ready', 'total', '95 % interval', 'fetched', 'requests'], rows),
    `medians of ${counts} samples an arm, ${linkText(bench)}; written to ${file}`,
    gain(arms),
  ].join('\n')
}

/** All before the container is made: image, tables of contents, and what is fetched ahead. */
const pull = ({ phases }: ArmSummary): number =>
  PHASES.slice(0, PHASES.indexOf('create')).reduce((sum, phase) => sum + phases[phase], 0)

const spread = ({ total }: ArmSummary): string =>
  `${(total.interval.low / 1000).toFixed(2)} to ${(total.interval.high / 1000).toFixed(2)} s`

function linkText({ link }: Bench): string {
  if (link.bitsPerSecond === null && link.roundTripMs === 0) return 'the link as it is'
  const rate = link.bitsPerSecond === null ? 'no limit' : `${link.bitsPerSecond / 1e6} Mbit/s`
  return `${rate}, ${link.roundTripMs} ms`
}

function gain(arms: readonly ArmSummary[]): string {
  const legacy = arms.find(({ arm }) => arm.kind === 'legacy')
  const optimized = arms.find(({ arm }) => arm.kind === 'optimized')
  if (!legacy || !optimized) return `measured ${arms.map(({ arm }) => arm.id).join(', ')}`
  const ratio = legacy.total.median / optimized.total.median
  const figures = `${duration(legacy.total.median)} to ${duration(optimized.total.median)}`
  if (optimized.against?.verdict === 'none') return `No significant difference in the start: ${figures}.`
  return ratio >= 1
    ? `The start became ${ratio.toFixed(1)} times faster: from ${figures}.`
    : `The start became ${(1 / ratio).toFixed(1)} times slower: from ${figures}.`
}
