/** The verdict: what the measurements say about converting this image, and why. Pure. */

import { compare } from '../../bench/stats.ts'
import type { ArmSummary } from '../../bench/summary.ts'

/** `plain`: convert, but without a zone */
export type Decision = 'convert' | 'plain' | 'marginal' | 'dont' | 'unclear' | 'unmeasured'

export interface Verdict {
  readonly decision: Decision
  /** two or three words */
  readonly title: string
  readonly reason: string
}

/** A smaller gain is not worth a second image. */
const WORTH = 0.1

const isLess = (a: ArmSummary, b: ArmSummary): boolean =>
  compare(a.total.samples, b.total.samples).verdict === 'less'

const isBetterWithout = (lazy: ArmSummary, optimized: ArmSummary, legacy: ArmSummary): boolean =>
  isLess(lazy, optimized) && isLess(lazy, legacy)

/** Compares the optimized arm with the full pull, and with lazy pulling that has no zone. */
export function judge(arms: readonly ArmSummary[]): Verdict {
  const of = (kind: string) => arms.find(({ arm }) => arm.kind === kind)
  const [legacy, lazy, optimized] = [of('legacy'), of('lazy'), of('optimized')]
  if (!legacy || !optimized)
    return {
      decision: 'unmeasured',
      title: arms.length === 0 ? 'Not measured' : 'No verdict',
      reason: 'A verdict needs samples of the full pull and of the optimized image.',
    }
  const gain = compare(optimized.total.samples, legacy.total.samples)
  if (gain.verdict === 'unknown')
    return {
      decision: 'unclear',
      title: gain.ratio < 1 ? 'Looks worth it' : 'Looks not worth it',
      reason: 'With one sample per arm, the difference may be chance: take more samples.',
    }
  if (gain.verdict === 'none' && Math.abs(Math.log(gain.ratio)) > WORTH)
    return {
      decision: 'unclear',
      title: gain.ratio < 1 ? 'Looks worth it' : 'Looks not worth it',
      reason: 'The samples are too few, or too far apart, to rule out chance: take more samples.',
    }
  if (lazy && isBetterWithout(lazy, optimized, legacy))
    return {
      decision: 'plain',
      title: 'Convert, without a zone',
      reason: 'Lazy pulling pays off, but prefetching the zone costs more than it saves.',
    }
  if (gain.verdict === 'none')
    return {
      decision: 'dont',
      title: 'Don’t convert',
      reason: 'The measurements show no significant difference.',
    }
  if (gain.verdict === 'more')
    return {
      decision: 'dont',
      title: 'Don’t convert',
      reason: 'On this link, pulling the whole image is faster than pulling it lazily.',
    }
  if (gain.ratio > 1 - WORTH)
    return {
      decision: 'marginal',
      title: 'Hardly worth it',
      reason: 'The gain is significant, but less than a tenth.',
    }
  const zone = lazy && compare(optimized.total.samples, lazy.total.samples).verdict
  return {
    decision: 'convert',
    title: 'Convert it',
    reason:
      zone === 'less'
        ? 'Faster than a full pull, and faster than lazy pulling without a zone.'
        : zone === 'none'
          ? 'Faster than a full pull. The zone itself makes no significant difference here.'
          : 'Significantly faster than a full pull.',
  }
}
