/** Values of docker-run's options that several of them have: paths, sizes, numbers. Pure. */
import { HeadstartError } from '../../../system/errors.ts'

/** @param option as it is written. @param hint the expected form */
export const wrong = (option: string, text: string, hint: string): HeadstartError =>
  new HeadstartError('E_OPTION', `${option} ${JSON.stringify(text)} is not valid`, { hint })

export function absolute(option: string, path: string): string {
  if (!path.startsWith('/')) throw wrong(option, path, 'A path in the container starts with /')
  return path
}

/** A decimal number above 0. */
export function positive(option: string, text: string): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : 0
  if (value > 0 && Number.isFinite(value)) return value
  throw wrong(option, text, 'Write a number above 0')
}

/** `NAME=VALUE`, or `NAME` for an empty value where that is allowed. */
export function assignments(
  option: string,
  texts: readonly string[],
  mayBeBare: boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at === 0 || text === '' || (at === -1 && !mayBeBare)) throw wrong(option, text, 'Write NAME=VALUE')
      return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
}

/** `512m`, `1.5g`, `2gib`: binary units, as Docker counts memory. */
export function parseBytes(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text)
  const unit = UNITS[match?.[2]?.toLowerCase() ?? '']
  if (!match || unit === undefined) throw wrong(option, text, 'Write a size like 512m or 2g')
  return Math.floor(Number(match[1]) * unit)
}
