/**
 * The 512-byte header block: bytes to values and back. Understands v7, ustar, GNU and star; writes ustar.
 * Source: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
import { HeadstartError } from '../../system/errors.ts'
import { BLOCK } from './entry.ts'

export interface HeaderBlock {
  /** with the ustar prefix; latin1 */
  readonly name: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  /** one character; `'\0'` in v7 tars */
  readonly flag: string
  readonly linkName: string
  readonly uname: string
  readonly gname: string
  readonly devMajor: number
  readonly devMinor: number
  readonly isGnu: boolean
}

export const tarError = (message: string): HeadstartError =>
  new HeadstartError('E_TAR', `the tar is damaged: ${message}`)

/** @throws HeadstartError E_TAR: the checksum or a number is wrong */
export function parseHeaderBlock(block: Buffer, where: string): HeaderBlock {
  checkSum(block, where)
  const magic = block.toString('latin1', 257, 265)
  const isUstar = magic.startsWith('ustar\0')
  const isGnu = magic === 'ustar  \0'
  const number = (start: number, end: number, field: string) => parseNumber(block, start, end, field, where)
  const isStar = isUstar && block.toString('latin1', 508, 512) === 'tar\0'
  const prefix = isUstar ? textAt(block, 345, isStar ? 476 : 500) : isGnu ? misplacedPrefix(block) : ''
  const name = textAt(block, 0, 100)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(100, 108, 'mode'),
    uid: number(108, 116, 'uid'),
    gid: number(116, 124, 'gid'),
    size: number(124, 136, 'size'),
    mtime: number(136, 148, 'mtime'),
    flag: String.fromCharCode(block[156] ?? 0),
    linkName: textAt(block, 157, 257),
    uname: isUstar || isGnu ? textAt(block, 265, 297) : '',
    gname: isUstar || isGnu ? textAt(block, 297, 329) : '',
    devMajor: isUstar || isGnu ? number(329, 337, 'device') : 0,
    devMinor: isUstar || isGnu ? number(337, 345, 'device') : 0,
    isGnu,
  }
}

/** Old versions of Go wrote ustar's prefix where GNU has two times: what is text and not a number is such a prefix. */
function misplacedPrefix(block: Buffer): string {
  const isTime = (at: number) => (block[at] ?? 0) >= 0x80 || /^[0-7]*$/.test(numberText(block, at, at + 12))
  if (isTime(345) && isTime(357)) return ''
  const prefix = textAt(block, 345, 500)
  return /[\x80-\xff]/.test(prefix) ? '' : prefix
}

function checkSum(block: Buffer, where: string): void {
  const found = parseNumber(block, 148, 156, 'checksum', where)
  let unsigned = 8 * 0x20 // the checksum's own bytes count as spaces
  let high = 0
  for (let at = 0; at < BLOCK; at++) {
    if (at === 148) at = 156
    const byte = block[at] ?? 0
    unsigned += byte
    if (byte >= 0x80) high++
  }
  // Some old tars summed signed bytes.
  if (found !== unsigned && found !== unsigned - 256 * high)
    throw tarError(`${where} has the checksum ${found}; its bytes add up to ${unsigned}`)
}

function textAt(block: Buffer, start: number, end: number): string {
  const zero = block.indexOf(0, start)
  return block.toString('latin1', start, zero === -1 || zero > end ? end : zero)
}

/** Octal text, or base 256 where the first bit is set (GNU). */
export function parseNumber(block: Buffer, start: number, end: number, field: string, where: string): number {
  const first = block[start] ?? 0
  if (first >= 0x80) return parseBinary(block, start, end, field, where)
  const text = numberText(block, start, end)
  if (text === '') return 0
  if (!/^[0-7]+$/.test(text))
    throw tarError(`${where} has the ${field} ${JSON.stringify(text)}, which is not octal`)
  return Number.parseInt(text, 8)
}

/** Spaces and zero bytes around a number are ignored, as by Go's reader. */
function numberText(block: Buffer, from: number, to: number): string {
  const isPadding = (at: number) => block[at] === 0 || block[at] === 0x20
  let [start, end] = [from, to]
  while (start < end && isPadding(start)) start++
  while (end > start && isPadding(end - 1)) end--
  return textAt(block, start, end)
}

function parseBinary(block: Buffer, start: number, end: number, field: string, where: string): number {
  const isNegative = ((block[start] ?? 0) & 0x40) !== 0
  let value = isNegative ? -1n : 0n
  for (let at = start; at < end; at++) {
    const byte = BigInt(at === start ? (block[at] ?? 0) & 0x7f : (block[at] ?? 0))
    value = at === start && isNegative ? (value << 7n) | byte : (value << 8n) | byte
  }
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw tarError(`${where} has the ${field} ${value}, which is too large`)
  return number
}

export type HeaderFields = Omit<HeaderBlock, 'isGnu'>

/** True when the value fits an octal field of this many digits. */
export const fitsOctal = (value: number, digits: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < 8 ** digits

/** What doesn't fit is cut off or written as 0: the caller adds PAX records for it. */
export function encodeHeaderBlock(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, digits: number) =>
    block.write(`${(fitsOctal(value, digits) ? value : 0).toString(8).padStart(digits, '0')}\0`, at, 'latin1')
  block.write(fields.name, 0, 100, 'latin1')
  octal(fields.mode, 100, 7)
  octal(fields.uid, 108, 7)
  octal(fields.gid, 116, 7)
  octal(fields.size, 124, 11)
  octal(fields.mtime, 136, 11)
  block.write('        ', 148, 'latin1')
  block.write(fields.flag, 156, 1, 'latin1')
  block.write(fields.linkName, 157, 100, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  block.write(fields.uname, 265, 32, 'latin1')
  block.write(fields.gname, 297, 32, 'latin1')
  octal(fields.devMajor, 329, 7)
  octal(fields.devMinor, 337, 7)
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}
