/** Numbers in a locale: English when the page is made, then the reader's own in the browser. */
import { visible } from '../../../system/text/visible.ts'

export type Unit = 'ms' | 'bytes' | 'count' | 'percent' | 'times' | 'rate' | 'date'

const number = (locale: string, value: number, digits: number): string =>
  new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    value,
  )

/** Three significant digits: no measurement here is more precise. */
const digitsFor = (value: number): number => (value >= 100 ? 0 : value >= 10 ? 1 : 2)

const scaled = (locale: string, value: number, step: number, names: readonly string[]): string => {
  let at = 0
  let rest = value
  while (rest >= step * 0.9995 && at < names.length - 1) {
    rest /= step
    at++
  }
  const name = names[at] ?? ''
  return `${number(locale, rest, at === 0 ? 0 : digitsFor(rest))} ${name}`
}

const formats = {
  /** milliseconds, as seconds from one second up */
  ms: (locale, value) =>
    value < 1000
      ? `${number(locale, value, 0)} ms`
      : `${number(locale, value / 1000, digitsFor(value / 1000))} s`,
  bytes: (locale, value) => scaled(locale, value, 1000, ['B', 'kB', 'MB', 'GB', 'TB']),
  count: (locale, value) => number(locale, value, 0),
  /** of a share, 0 to 1 */
  percent: (locale, value) => `${number(locale, value * 100, value < 0.1 && value > 0 ? 1 : 0)} %`,
  times: (locale, value) => `${number(locale, value, value >= 10 ? 0 : 1)}×`,
  /** bits per second */
  rate: (locale, value) =>
    scaled(locale, value, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s']).replace(/[.,]0+ /, ' '),
  date: (locale, value) =>
    new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(value)),
} as const satisfies Record<Unit, (locale: string, value: number) => string>

export const isUnit = (text: string): text is Unit => Object.hasOwn(formats, text)

/** A no-break space keeps a number and its unit on one line. */
export function format(unit: Unit, value: number, locale = 'en'): string {
  return Number.isFinite(value) ? formats[unit](locale, value).replace(/ (?=\D+$)/, '\u00a0') : '–'
}

/** For an axis: without trailing zeros after the decimal point, and 0 without a unit. */
export function formatTick(unit: Unit, value: number, locale = 'en'): string {
  return value === 0
    ? number(locale, 0, 0)
    : format(unit, value, locale).replace(/[.,]0+(?=\D)|(?<=[.,]\d)0(?=\D)/, '')
}

/** A path from an image, from its root. */
export const showPath = (path: string): string => `/${visible(path)}`
