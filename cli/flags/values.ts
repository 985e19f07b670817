/** Parses the values of flags: durations, sizes, rates, counts. Commander adds the flag's name to the error for an invalid value. */
import { InvalidArgumentError, Option } from 'commander'

const amount = (text: string, units: Readonly<Record<string, number>>, example: string): number => {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-zA-Z/]*)$/.exec(text) ?? []
  const factor = units[unit.toLowerCase()]
  if (digits === undefined || factor === undefined)
    throw new InvalidArgumentError(`Expected something like ${example}.`)
  return Number(digits) * factor
}

/** `500ms`, `10s`, `2m`; a bare number is seconds. @returns milliseconds */
export const durationFlag = (text: string): number =>
  amount(text, { ms: 1, '': 1000, s: 1000, m: 60_000, min: 60_000 }, '500ms, 10s or 2m')

/** `10ms`, `0.5s`; a bare number is milliseconds, as latencies are written. @returns milliseconds */
export const latencyFlag = (text: string): number => amount(text, { '': 1, ms: 1, s: 1000 }, '10ms')

/** `4MiB`, `20MB`, `4096`. @returns bytes */
export const sizeFlag = (text: string): number =>
  Math.round(
    amount(
      text,
      {
        '': 1,
        b: 1,
        k: 1024,
        kb: 1000,
        kib: 1024,
        m: 1024 ** 2,
        mb: 1e6,
        mib: 1024 ** 2,
        g: 1024 ** 3,
        gb: 1e9,
        gib: 1024 ** 3,
      },
      '4MiB, 20MB or a number of bytes',
    ),
  )

/** `100`, `100Mbit`, `1Gbit`; a bare number is Mbit/s. @returns Mbit per second */
export const bandwidthFlag = (text: string): number =>
  amount(
    text.replace(/\/s$/, ''),
    { '': 1, mbit: 1, mbps: 1, kbit: 0.001, kbps: 0.001, gbit: 1000, gbps: 1000 },
    '100Mbit or 1Gbit',
  )

export const countFlag = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(text)
}

export const positiveFlag = (text: string): number => {
  const value = countFlag(text)
  if (value === 0) throw new InvalidArgumentError('Expected a whole number above 0.')
  return value
}

export const portFlag = (text: string): number => {
  const port = countFlag(text)
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('Expected a port from 1 to 65535.')
  return port
}

/** `80%` or `0.8`. @returns a share from 0 to 1 */
export const shareFlag = (text: string): number => {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)
  if (!(value >= 0 && value <= 1) || text.trim() === '')
    throw new InvalidArgumentError('Expected a share like 80% or 0.8.')
  return value
}

/** `10%` or `0.1`, also above 100 %. @returns a share, 0 or more */
export const growthFlag = (text: string): number => {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? []
  if (digits === undefined) throw new InvalidArgumentError('Expected a share like 10% or 0.1.')
  return percent === '%' ? Number(digits) / 100 : Number(digits)
}

export const regexFlag = (text: string): RegExp => {
  try {
    return new RegExp(text)
  } catch {
    throw new InvalidArgumentError('Expected a regular expression.')
  }
}

export const urlFlag = (text: string): URL => {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('Expected a URL such as http://localhost:8000/health.')
  return new URL(text)
}

/** For options that may be given several times. */
export const collect = (text: string, earlier: readonly string[] = []): string[] => [...earlier, text]

export const jsonOption = (): Option => new Option('--json', 'print the result as JSON').default(false)
