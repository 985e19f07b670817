/**
 * The one path normaliser. A path in a layer is bytes; here it is a byte string, latin1 text with one code unit a byte, so that names that
 * are not UTF-8 survive. People and JSON get its `textOf`.
 */
import { HeadstartError } from '../errors.ts'

/** latin1: one code unit a byte. `''` is the root; no leading, trailing or doubled slash, no `.` or `..`. */
export type BytePath = string

/**
 * A path of a file in an archive, which must not contain `..`: `./usr//bin/` → `usr/bin`.
 * @throws HeadstartError E_PATH: a `..` or a NUL byte
 */
export function normalizePath(name: string): BytePath {
  if (name.includes('\0'))
    throw new HeadstartError('E_PATH', `the path ${JSON.stringify(name)} contains a NUL byte`)
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..'))
    throw new HeadstartError('E_PATH', `the path ${JSON.stringify(textOf(name))} leaves its folder`)
  return parts.join('/')
}

/** Linux's limits: bytes of a path with its terminating NUL, and bytes of one name. */
const PATH_MAX = 4096
const NAME_MAX = 255
const WHITEOUT_PREFIX_BYTES = 4

/** A path with nothing to clean but a `./` before it and a `/` behind it, of names that are short enough; most are. */
const CLEAN = /^(?:\.\/)?([^/.\0][^/\0]{0,254}(?:\/[^/.\0][^/\0]{0,254})*)\/?$/

/**
 * The path that an entry of a layer means, as container runtimes clean it: below the layer's root, whatever `..` it has.
 * `./usr//bin/` → `usr/bin`, `../x` → `x`, `a/../../b` → `b`.
 * @throws HeadstartError E_PATH: a NUL byte, or longer than any file system allows
 */
export function layerPath(name: string): BytePath {
  const clean = CLEAN.exec(name)?.[1]
  if (clean !== undefined && clean.length < PATH_MAX) return clean
  if (name.includes('\0')) throw new HeadstartError('E_PATH', `the path ${shown(name)} contains a NUL byte`)
  const parts: string[] = []
  for (const part of name.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  const path = parts.join('/')
  if (path.length >= PATH_MAX)
    throw new HeadstartError(
      'E_PATH',
      `the path ${shown(path)} has ${path.length} bytes; ${PATH_MAX - 1} is the limit`,
    )
  for (const part of parts) {
    // A whiteout's prefix is not part of the name that it hides.
    const length = part.startsWith('.wh.') ? part.length - WHITEOUT_PREFIX_BYTES : part.length
    if (length > NAME_MAX)
      throw new HeadstartError(
        'E_PATH',
        `the name ${shown(part)} has ${length} bytes; ${NAME_MAX} is the limit`,
      )
  }
  return path
}

/** Enough of a name to identify it. */
const shown = (name: string): string =>
  JSON.stringify(name.length > 100 ? `${textOf(name.slice(0, 100))}…` : textOf(name))

/** `usr/bin/env` → `usr/bin`; a name at the root → `''`. */
export const parentOf = (path: BytePath): BytePath => path.slice(0, Math.max(0, path.lastIndexOf('/')))

export const baseOf = (path: BytePath): BytePath => path.slice(path.lastIndexOf('/') + 1)

/** `a/b/c` → `['a', 'a/b']`: from the top, without the path itself and the root. */
export function ancestorsOf(path: BytePath): BytePath[] {
  const ancestors: BytePath[] = []
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1))
    ancestors.push(path.slice(0, at))
  return ancestors
}

/**
 * The largest of the numbers of the directories above a path, -1 without any. Each directory is looked at once, however many paths are
 * asked for and however deep they are.
 */
export function largestAbove(numbers: ReadonlyMap<BytePath, number>): (path: BytePath) => number {
  const known = new Map<BytePath, number>([['', -1]])
  return (path) => {
    const pending: BytePath[] = []
    let at = parentOf(path)
    for (; !known.has(at); at = parentOf(at)) pending.push(at)
    let largest = known.get(at) ?? -1
    for (const folder of pending.reverse()) {
      largest = Math.max(largest, numbers.get(folder) ?? -1)
      known.set(folder, largest)
    }
    return largest
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** For people and JSON: UTF-8 decoded, `%` and bytes that are not UTF-8 as `%XX`. `bytesOf` is its inverse. */
export function textOf(path: BytePath): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range, where bytes and text are the same
  if (/^[\x00-\x24\x26-\x7f]*$/.test(path)) return path
  const bytes = Buffer.from(path, 'latin1')
  try {
    return decoder.decode(bytes).replaceAll('%', '%25')
  } catch {
    return path.replace(
      /[%\x80-\xff]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    )
  }
}

export function bytesOf(text: string): BytePath {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range, where bytes and text are the same
  if (/^[\x00-\x24\x26-\x7f]*$/.test(text)) return text
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
