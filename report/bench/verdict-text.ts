/** The verdict in English sentences, for terminals, pull requests and CI systems. Pure. */
import { msText } from './units.ts'
import { type Compared, type Difference, TOO_FEW, type Verdict } from './verdict.ts'

/** For a cell of a table. */
export function differenceText(difference: Difference): string {
  const { how, isSure } = difference
  if (how === 'none') return 'no difference'
  const seen = `${amountText(difference, 'x')} ${how}`
  return isSure ? seen : `${TOO_FEW} (${seen})`
}

/** A difference below this is told in percent of the time, not as a factor. */
const TIMES_FROM = 1.1

/** By how much: `2.5` times, or `0.07` of the time. */
export function amountOf({ how, ratio }: Difference): {
  readonly unit: 'times' | 'percent'
  readonly value: number
} {
  if (ratio >= TIMES_FROM) return { unit: 'times', value: ratio }
  return { unit: 'percent', value: how === 'slower' ? ratio - 1 : 1 - 1 / ratio }
}

function amountText(difference: Difference, times: string): string {
  const { unit, value } = amountOf(difference)
  return unit === 'times' ? `${value.toFixed(1)}${times}` : `${(value * 100).toFixed(1)} %`
}

/** What was gained, in one sentence; undefined if there is nothing to compare. */
export function headlineText({ compared }: Verdict): string | undefined {
  if (!compared) return undefined
  const { how, isSure } = compared.difference
  const name = subjectText(compared)
  const figures = `${msText(compared.subject.total.median)} instead of ${msText(compared.base.total.median)}`
  if (how === 'none') return `${upper(name)} starts neither faster nor slower: ${figures}.`
  const by = amountText(compared.difference, ' times')
  return isSure
    ? `${upper(name)} starts ${by} ${how}: ${figures}.`
    : `${upper(TOO_FEW)}: ${name} seems to start ${by} ${how}, ${figures}.`
}

/** The verdict itself, and why. */
export const verdictText = ({ title, reason }: Verdict): string => `${title}. ${reason}`

function subjectText({ subject, base }: Compared): string {
  if (subject.arm.kind === 'lazy') return 'the image, pulled lazily without a zone,'
  return base.arm.kind === 'legacy' ? 'the optimized image' : 'the image with a zone'
}

const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
