/** Amounts as people write them, on a command line and in a file: durations, sizes, rates, shares. Pure; undefined is what can't be understood. */

function amount(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-zA-Z/]*)$/.exec(text) ?? []
  const factor = Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor
}

/** What a timer of Node's can wait; a longer one would be over at once. */
const MOST_MS = 2 ** 31 - 1
const HOUR_MS = 3_600_000

/** `500ms`, `10s`, `2m`, `1h`, `1d`, at most 24 days; a bare number is seconds. @returns milliseconds */
export function durationIn(text: string): number | undefined {
  const units = { ms: 1, '': 1000, s: 1000, m: 60_000, min: 60_000, h: HOUR_MS, d: 24 * HOUR_MS }
  const ms = amount(text, units)
  return ms === undefined || ms > MOST_MS ? undefined : ms
}

/** `10ms`, `0.5s`; a bare number is milliseconds, as latencies are written. @returns milliseconds */
export const latencyIn = (text: string): number | undefined => amount(text, { '': 1, ms: 1, s: 1000 })

const SIZES = {
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
}

/** `4MiB`, `20MB`, `4096`. @returns bytes */
export function sizeIn(text: string): number | undefined {
  const bytes = amount(text, SIZES)
  return bytes === undefined ? undefined : Math.round(bytes)
}

/** `100`, `100Mbit`, `1Gbit/s`; a bare number is Mbit/s. @returns Mbit per second */
export const bandwidthIn = (text: string): number | undefined =>
  amount(text.replace(/\/s$/, ''), {
    '': 1,
    mbit: 1,
    mbps: 1,
    kbit: 0.001,
    kbps: 0.001,
    gbit: 1000,
    gbps: 1000,
  })

/** `10%` or `0.1`, also above 100 %. @returns a share, 0 or more */
export function shareIn(text: string): number | undefined {
  const [, digits, percent] = /^(\d+(?:\.\d+)?|\.\d+)(%?)$/.exec(text) ?? []
  if (digits === undefined) return undefined
  return percent === '%' ? Number(digits) / 100 : Number(digits)
}
