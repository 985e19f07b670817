/** Times as people say them: `5 minutes ago`. */
import { locale } from '../dom.ts'

const STEPS: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always' })

/** @param at ms since 1970 */
export function ago(at: number, now = Date.now()): string {
  const seconds = Math.max(0, (now - at) / 1000)
  const step = STEPS.find(([, length]) => seconds >= length)
  return step ? relative.format(-Math.floor(seconds / step[1]), step[0]) : 'just now'
}
