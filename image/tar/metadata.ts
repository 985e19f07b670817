/** From header blocks and PAX records to an entry: which of two sayings wins, and what each type of entry may have. */
import type { BytePath } from '../paths.ts'
import type { TarEntry, TarType } from './entry.ts'
import { type HeaderBlock, parseNumber, tarError } from './header.ts'
import { GNU_HEADER } from './sparse.ts'

const XATTR = 'SCHILY.xattr.'

export interface HeaderParts {
  readonly header: HeaderBlock
  /** of a GNU long-name block */
  readonly name: string | undefined
  readonly linkName: string | undefined
  readonly globals: readonly (readonly [string, string])[]
  readonly pax: readonly (readonly [string, string])[]
  readonly blocks: readonly Buffer[]
  /** of a sparse file: its size with holes */
  readonly sparseSize: number | undefined
}

type Records = ReadonlyMap<string, string>

const NO_RECORDS: Records = new Map()

/** Of two records with one key the later holds. Most entries have none, and share that. */
export function recordsOf(globals: HeaderParts['globals'], own: HeaderParts['pax']): Records {
  return globals.length + own.length === 0 ? NO_RECORDS : new Map([...globals, ...own])
}

/** @param pathOf normalises, and throws on a path that leaves the tar's root */
export function entryOf(parts: HeaderParts, where: string, pathOf: (name: string) => BytePath): TarEntry {
  const { header } = parts
  const pax = recordsOf(parts.globals, parts.pax)
  const name = recordOf(pax, 'GNU.sparse.name') ?? recordOf(pax, 'path') ?? parts.name ?? header.name
  const type = typeOf(header.flag, name, where)
  const linkName = recordOf(pax, 'linkpath') ?? parts.linkName ?? header.linkName
  const hasLink = type === 'symlink' || type === 'hardlink'
  const claimed = sizeOf(header, pax, where)
  const number = (key: string, fallback: number) => numberOf(pax, key, fallback, where)
  return {
    path: pathOf(name),
    name,
    type,
    size: type === 'reg' ? (parts.sparseSize ?? claimed) : 0,
    mode: header.mode & 0o7777,
    uid: number('uid', header.uid),
    gid: number('gid', header.gid),
    uname: recordOf(pax, 'uname') ?? header.uname,
    gname: recordOf(pax, 'gname') ?? header.gname,
    mtime: number('mtime', header.mtime),
    linkName: hasLink ? linkName : '',
    linkPath: type === 'hardlink' ? pathOf(linkName) : undefined,
    devMajor: type === 'char' || type === 'block' ? header.devMajor : 0,
    devMinor: type === 'char' || type === 'block' ? header.devMinor : 0,
    xattrs: xattrsOf(pax),
    header: parts.blocks.length === 1 && parts.blocks[0] ? parts.blocks[0] : Buffer.concat(parts.blocks),
    pax,
    standsAlone:
      parts.globals.length === 0 && parts.sparseSize === undefined && (type === 'reg' || claimed === 0),
  }
}

const TYPES: Readonly<Record<string, TarType>> = {
  '0': 'reg',
  '\0': 'reg',
  '7': 'reg', // contiguous: a regular file on every system of today
  S: 'reg',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'dir',
  '6': 'fifo',
}

function typeOf(flag: string, name: string, where: string): TarType {
  // v7 had no flag for directories.
  if (flag === '\0' && name.endsWith('/')) return 'dir'
  const type = TYPES[flag]
  if (type === undefined)
    throw tarError(`${where} has the type ${JSON.stringify(flag)}, which no runtime unpacks`)
  return type
}

/** An empty value takes a record back. */
const recordOf = (pax: ReadonlyMap<string, string>, key: string): string | undefined =>
  pax.get(key) || undefined

function numberOf(pax: ReadonlyMap<string, string>, key: string, fallback: number, where: string): number {
  const text = recordOf(pax, key)
  if (text === undefined) return fallback
  if (!/^-?\d{1,16}(\.\d*)?$/.test(text))
    throw tarError(`${where} has the ${key} ${JSON.stringify(text.slice(0, 80))}`)
  return Number(text)
}

/** Bytes stored in the tar, for a type that has content. */
export function sizeOf(header: HeaderBlock, records: Records, where: string): number {
  const size = numberOf(records, 'size', header.size, where)
  if (!Number.isSafeInteger(size) || size < 0) throw tarError(`${where} has the size ${size}`)
  return size
}

/** The size with holes, of PAX 1.0 and 0.x. */
export function paxRealSize(pax: Records, where: string): number {
  const key = pax.has('GNU.sparse.realsize') ? 'GNU.sparse.realsize' : 'GNU.sparse.size'
  return checkedSize(numberOf(pax, key, Number.NaN, where), where)
}

export const gnuRealSize = (block: Buffer, where: string): number =>
  checkedSize(parseNumber(block, GNU_HEADER.realSize, GNU_HEADER.realSize + 12, 'real size', where), where)

function checkedSize(size: number, where: string): number {
  if (!Number.isSafeInteger(size) || size < 0) throw tarError(`${where} is sparse without a size`)
  return size
}

const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map()

function xattrsOf(pax: ReadonlyMap<string, string>): ReadonlyMap<string, Buffer> {
  if (pax.size === 0) return NO_XATTRS
  const xattrs = new Map<string, Buffer>()
  for (const [key, value] of pax)
    if (key.startsWith(XATTR) && key.length > XATTR.length)
      xattrs.set(key.slice(XATTR.length), Buffer.from(value, 'latin1'))
  return xattrs
}
