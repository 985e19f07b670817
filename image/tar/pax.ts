/**
 * PAX records, `LENGTH key=value\n`: bytes to a map and back. Keys and values are bytes as latin1 text.
 * Source: POSIX.1-2017 pax, "pax Extended Header".
 */
import { tarError } from './header.ts'

/** @param where for the error. @returns pairs in order: GNU sparse 0.0 repeats its keys */
export function parsePax(bytes: Buffer, where: string): [string, string][] {
  const records: [string, string][] = []
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const digits = space === -1 || space - at > 20 ? '' : bytes.toString('latin1', at, space)
    const length = /^\d+$/.test(digits) ? Number(digits) : 0
    const end = at + length
    if (length === 0 || end > bytes.length || end <= space + 1 || bytes[end - 1] !== 0x0a)
      throw tarError(`${where} has a PAX record of a wrong length`)
    const record = bytes.toString('latin1', space + 1, end - 1)
    const equals = record.indexOf('=')
    if (equals < 1) throw tarError(`${where} has a PAX record without a key`)
    records.push([record.slice(0, equals), record.slice(equals + 1)])
    at = end
  }
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
