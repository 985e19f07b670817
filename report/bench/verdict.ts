/**
 * The verdict: what a measurement says about converting its image, and why. Every place that says so gets it from here: the command, the
 * page, the overview of several images, limits and baselines. Pure.
 */
import { type Comparison, compare, LEAST_SAMPLES, samplesToDecide } from './stats.ts'
import type { ArmSummary } from './summary.ts'

/** `plain`: convert, but without a zone; `unclear`: too few samples */
export type Decision = 'convert' | 'plain' | 'marginal' | 'dont' | 'unclear' | 'unmeasured'

export interface Verdict {
  readonly decision: Decision
  /** a few words */
  readonly title: string
  /** a sentence */
  readonly reason: string
  /** undefined: there is nothing to compare */
  readonly compared: Compared | undefined
  /** what would settle an unclear verdict; undefined: nothing that is cheap */
  readonly more: MoreSamples | undefined
}

/**
 * What the verdict is about, and what that was compared with: the optimized image with the full pull; if the zone does harm, the image
 * without one; if no full pull was measured, the image with a zone with the one without.
 */
export interface Compared {
  readonly subject: ArmSummary
  readonly base: ArmSummary
  readonly difference: Difference
}

/** How one arm differs from another. */
export interface Difference {
  /** `none`: by less than a tenth, if at all */
  readonly how: 'faster' | 'slower' | 'none'
  /** false: too few samples, and `how` is only what they suggest */
  readonly isSure: boolean
  /** of the medians, 1 or more */
  readonly ratio: number
}

export interface MoreSamples {
  /** of each arm */
  readonly samples: number
  /** the least that taking them takes */
  readonly ms: number
}

export const TOO_FEW = 'too few samples to be sure'

/** A smaller gain is not worth a second image. */
const WORTH = 0.1

/** Samples of each arm: what is suggested to those who took so few that their spread isn't known, and the most that is suggested to anyone. */
const SUGGESTED = { usual: 5, most: 20 } as const

/** @param compared a time with another */
export function differenceOf({ ratio, verdict }: Comparison): Difference {
  const how = verdict === 'none' ? 'none' : ratio <= 1 ? 'faster' : 'slower'
  return { how, isSure: verdict !== 'unknown', ratio: Math.max(ratio, 1 / ratio) }
}

const compareArms = (a: ArmSummary, b: ArmSummary): Comparison => compare(a.total.samples, b.total.samples)

const comparedOf = (subject: ArmSummary, base: ArmSummary): Compared => ({
  subject,
  base,
  difference: differenceOf(compareArms(subject, base)),
})

/** Compares the optimized arm with the full pull, and with lazy pulling that has no zone. */
export function judge(arms: readonly ArmSummary[]): Verdict {
  const of = (kind: string) => arms.find(({ arm }) => arm.kind === kind)
  const [legacy, lazy, optimized] = [of('legacy'), of('lazy'), of('optimized')]
  if (legacy && optimized) return judgeGain(legacy, lazy, optimized, arms)
  return {
    decision: 'unmeasured',
    title: arms.length === 0 ? 'Not measured' : 'No verdict',
    reason: 'A verdict needs samples of the full pull and of the optimized image.',
    compared: lazy && optimized ? comparedOf(optimized, lazy) : undefined,
    more: undefined,
  }
}

function judgeGain(
  legacy: ArmSummary,
  lazy: ArmSummary | undefined,
  optimized: ArmSummary,
  arms: readonly ArmSummary[],
): Verdict {
  const compared = comparedOf(optimized, legacy)
  const said = (decision: Decision, title: string, reason: string): Verdict => ({
    decision,
    title,
    reason,
    compared,
    more: undefined,
  })
  if (lazy && isBetterWithout(lazy, optimized, legacy))
    return {
      ...said(
        'plain',
        'Convert, without a zone',
        'Lazy pulling pays off, but prefetching the zone costs more than it saves.',
      ),
      compared: comparedOf(lazy, legacy),
    }
  const { how, isSure, ratio } = compared.difference
  if (!isSure) {
    const more = moreSamples(optimized, legacy, arms)
    return {
      ...said('unclear', 'Too few samples to be sure', unclearReason(more, fewest(optimized, legacy))),
      more,
    }
  }
  if (how === 'none')
    return said('dont', 'Don’t convert', 'If one of the two starts faster, it is by less than a tenth.')
  if (how === 'slower')
    return said(
      'dont',
      'Don’t convert',
      'On this link, pulling the whole image is faster than pulling it lazily.',
    )
  if (1 / ratio > 1 - WORTH)
    return said('marginal', 'Hardly worth it', 'The gain is significant, but less than a tenth.')
  return said('convert', 'Convert it', convertReason(lazy && compareArms(optimized, lazy)))
}

const isLess = (a: ArmSummary, b: ArmSummary): boolean => compareArms(a, b).verdict === 'less'

const isBetterWithout = (lazy: ArmSummary, optimized: ArmSummary, legacy: ArmSummary): boolean =>
  isLess(lazy, optimized) && isLess(lazy, legacy)

function convertReason(zone: Comparison | undefined): string {
  if (zone?.verdict === 'less') return 'Faster than a full pull, and faster than lazy pulling without a zone.'
  if (zone?.verdict === 'none') return 'Faster than a full pull. The zone itself makes no difference here.'
  return zone
    ? 'Faster than a full pull. What the zone adds to that is unclear: too few samples.'
    : 'Significantly faster than a full pull.'
}

function moreSamples(
  optimized: ArmSummary,
  legacy: ArmSummary,
  arms: readonly ArmSummary[],
): MoreSamples | undefined {
  const samples = samplesToDecide(optimized.total.samples, legacy.total.samples, SUGGESTED)
  if (samples === undefined) return undefined
  return { samples, ms: samples * arms.reduce((sum, { total }) => sum + total.median, 0) }
}

const fewest = (...arms: readonly ArmSummary[]): number =>
  Math.min(...arms.map(({ total }) => total.samples.length))

function unclearReason(more: MoreSamples | undefined, taken: number): string {
  if (taken < LEAST_SAMPLES)
    return `${taken === 1 ? 'One sample' : 'Two samples'} can’t tell chance from a difference.`
  return more
    ? `The difference may be chance. As these samples spread, ${more.samples} of each would tell.`
    : `The difference is so small, or the samples so far apart, that even ${SUGGESTED.most} of each would hardly tell.`
}
