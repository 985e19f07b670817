/**
 * What containers/storage compares between a table of contents and a tar's headers, with every number as Go's reader returns it:
 * times to the nanosecond, modes with the bits that mean nothing, device numbers of entries that are not devices. Pure.
 */
import { BLOCK, type EntryFacts } from './entry.ts'
import { type HeaderBlock, parseHeaderBlock, parseNumber } from './header.ts'
import { parsePax } from './pax.ts'

/** Times in RFC 3339. */
export interface RawFacts {
  readonly mode: number
  readonly linkName: string
  readonly devMajor: number
  readonly devMinor: number
  readonly mtime: string | undefined
  readonly atime: string | undefined
  readonly ctime: string | undefined
}

/** @param header all blocks of the entry's header, as they are in the tar */
export function rawFactsOf(header: Buffer, { linkName, path }: EntryFacts): RawFacts {
  const own = header.subarray(header.length - BLOCK)
  const block = parseHeaderBlock(own, path)
  const pax = recordsOf(header, path)
  const [atime, ctime] = ['atime', 'ctime'].map((key) => paxTime(pax.get(key)))
  return {
    mode: block.mode,
    linkName: linkName || block.linkName,
    devMajor: block.devMajor,
    devMinor: block.devMinor,
    mtime: paxTime(pax.get('mtime')) ?? timeOf(BigInt(block.mtime), 0),
    atime: atime ?? blockTime(own, block, 0, path),
    ctime: ctime ?? blockTime(own, block, 1, path),
  }
}

function recordsOf(header: Buffer, where: string): ReadonlyMap<string, string> {
  for (let at = 0; at < header.length - BLOCK; ) {
    const special = parseHeaderBlock(header.subarray(at, at + BLOCK), where)
    const start = at + BLOCK
    if (special.flag === 'x') return parsePax(header.subarray(start, start + special.size), where)
    at = start + BLOCK * Math.ceil(special.size / BLOCK)
  }
  return new Map()
}

/** GNU tar and star have two more times in the block. */
function blockTime(own: Buffer, { isGnu }: HeaderBlock, which: 0 | 1, where: string): string | undefined {
  const isStar = own.toString('latin1', 508, 512) === 'tar\0'
  const at = (isGnu ? 345 : 476) + 12 * which
  if ((!isGnu && !isStar) || own[at] === 0) return undefined
  return timeOf(BigInt(parseNumber(own, at, at + 12, 'time', where)), 0)
}

/** Nanoseconds don't fit a number. */
function paxTime(text: string | undefined): string | undefined {
  const [, sign, seconds, fraction = ''] = /^([+-]?)(\d{1,18})(?:\.(\d*))?$/.exec(text ?? '') ?? []
  if (seconds === undefined) return undefined
  const nanos = Number(fraction.slice(0, 9).padEnd(9, '0'))
  if (sign !== '-') return timeOf(BigInt(seconds), nanos)
  return nanos === 0 ? timeOf(-BigInt(seconds), 0) : timeOf(-BigInt(seconds) - 1n, 1e9 - nanos)
}

function timeOf(seconds: bigint, nanos: number): string | undefined {
  const date = new Date(Number(seconds) * 1000)
  const year = date.getUTCFullYear()
  if ((seconds === 0n && nanos === 0) || !(year >= 0 && year <= 9999)) return undefined
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`
  return `${date.toISOString().slice(0, 19)}${fraction}Z`
}
