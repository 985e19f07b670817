/** Parses the values of flags: durations, sizes, rates, counts. Commander adds the flag's name to the error for an invalid value. */
import { InvalidArgumentError, Option } from 'commander'
import { bandwidthIn, durationIn, latencyIn, shareIn, sizeIn } from '../../system/text/amounts.ts'

/** What the text means, or a complaint that shows what was expected. */
const understood = <T>(value: T | undefined, example: string): T => {
  if (value === undefined) throw new InvalidArgumentError(`Expected ${example}.`)
  return value
}

export const durationFlag = (text: string): number =>
  understood(durationIn(text), 'something like 500ms, 10s, 2m or 1h, at most 24d')
export const latencyFlag = (text: string): number => understood(latencyIn(text), 'something like 10ms')
export const sizeFlag = (text: string): number =>
  understood(sizeIn(text), 'something like 4MiB, 20MB or a number of bytes')
export const bandwidthFlag = (text: string): number =>
  understood(bandwidthIn(text), 'something like 100Mbit or 1Gbit')

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

/** @returns a share from 0 to 1 */
export const shareFlag = (text: string): number => {
  const value = shareIn(text)
  return understood(value !== undefined && value <= 1 ? value : undefined, 'a share like 80% or 0.8')
}

/** @returns a share that may be more than the whole */
export const growthFlag = (text: string): number => understood(shareIn(text), 'a share like 10% or 0.1')

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
