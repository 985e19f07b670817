/**
 * PAX records, `LENGTH key=value\n`: bytes to a map and back. Keys and values are bytes as latin1 text.
 * Source: POSIX.1-2017 pax, "pax Extended Header".
 */
import { tarError } from './header.ts'

export const SPARSE_MAP = 'GNU.sparse.map'

/** Values that must not contain a zero byte, since a ustar header could not hold one either. */
const TEXTS = new Set(['path', 'linkpath', 'uname', 'gname'])
const [OFFSET, NUMBYTES] = ['GNU.sparse.offset', 'GNU.sparse.numbytes']

/**
 * Of two records with the same key the later one wins; but version 0.0 of GNU's sparse files repeats two keys for each part, which
 * become the map of version 0.1.
 * @param where for the error
 */
export function parsePax(bytes: Buffer, where: string): Map<string, string> {
  const records = new Map<string, string>()
  const sparse: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const digits = space === -1 || space - at > 20 ? '' : bytes.toString('latin1', at, space)
    const length = /^\d+$/.test(digits) ? Number(digits) : 0
    const end = at + length
    if (length === 0 || end > bytes.length || end <= space + 1 || bytes[end - 1] !== 0x0a)
      throw tarError(`${where} has a PAX record with a wrong length`)
    const record = bytes.toString('latin1', space + 1, end - 1)
    const equals = record.indexOf('=')
    if (equals < 1) throw tarError(`${where} has a PAX record without a key`)
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)]
    if (key.includes('\0') || (TEXTS.has(key) && value.includes('\0')))
      throw tarError(`${where} has a PAX record with a zero byte`)
    if (key === OFFSET || key === NUMBYTES) {
      if (key !== (sparse.length % 2 === 0 ? OFFSET : NUMBYTES) || value.includes(','))
        throw tarError(`${where} has an out-of-order sparse map`)
      sparse.push(value)
    } else records.set(key, value)
    at = end
  }
  if (sparse.length > 0) records.set(SPARSE_MAP, sparse.join(','))
  return records
}

export function encodePax(records: Iterable<readonly [string, string]>): Buffer {
  const lines: string[] = []
  for (const [key, value] of records) {
    const rest = key.length + value.length + 3 // space, equals sign, newline
    let length = rest + String(rest).length
    if (String(length).length !== String(rest).length) length = rest + String(length).length
    lines.push(`${length} ${key}=${value}\n`)
  }
  return Buffer.from(lines.join(''), 'latin1')
}
