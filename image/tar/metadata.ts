/** From header blocks and PAX records to an entry: which source of a field wins, and what each type of entry may have. */
import type { BytePath } from '../../system/text/byte-path.ts'
import type { TarEntry, TarType } from './entry.ts'
import { type HeaderBlock, parseNumber, tarError } from './header.ts'
import { GNU_HEADER } from './sparse.ts'

const XATTR = 'SCHILY.xattr.'

export interface HeaderParts {
  readonly header: HeaderBlock
  /** of a GNU long-name block */
  readonly name: string | undefined
  readonly linkName: string | undefined
  readonly pax: Records
  readonly blocks: readonly Buffer[]
  /** of a sparse file: its size with holes */
  readonly sparseSize: number | undefined
}

export type Records = ReadonlyMap<string, string>

/** @param pathOf cleans a path, and throws on one that no file system accepts */
export function entryOf(parts: HeaderParts, where: string, pathOf: (name: string) => BytePath): TarEntry {
  const { header, pax } = parts
  // GNU's long names win over PAX records: Go's reader sets them last.
  const named = parts.name || recordOf(pax, 'path') || header.name
  const type = typeOf(header.flag, named, where)
  const isSparse = parts.sparseSize !== undefined && header.flag !== 'S'
  const name = (isSparse && recordOf(pax, 'GNU.sparse.name')) || named
  const linkName = parts.linkName || recordOf(pax, 'linkpath') || header.linkName
  const hasLink = type === 'symlink' || type === 'hardlink'
  const claimed = sizeOf(header, pax, where)
  const number = (key: string, fallback: number) => integerOf(pax, key, fallback, where)
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
    mtime: timeOf(pax, 'mtime', header.mtime, where),
    linkName: hasLink ? linkName : '',
    linkPath: type === 'hardlink' ? pathOf(linkName) : undefined,
    devMajor: type === 'char' || type === 'block' ? header.devMajor : 0,
    devMinor: type === 'char' || type === 'block' ? header.devMinor : 0,
    xattrs: xattrsOf(pax),
    header: parts.blocks.length === 1 && parts.blocks[0] ? parts.blocks[0] : Buffer.concat(parts.blocks),
    pax,
    standsAlone: parts.sparseSize === undefined && (type === 'reg' || claimed === 0),
  }
}

const TYPES: Readonly<Record<string, TarType>> = {
  '0': 'reg',
  '\0': 'reg',
  '7': 'reg', // contiguous: a regular file on all current systems
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

/** An empty value revokes a record. */
const recordOf = (pax: ReadonlyMap<string, string>, key: string): string | undefined =>
  pax.get(key) || undefined

const integerOf = (pax: Records, key: string, fallback: number, where: string): number =>
  numberOf(pax, key, fallback, { form: /^[+-]?\d{1,19}$/, where })

const timeOf = (pax: Records, key: string, fallback: number, where: string): number =>
  numberOf(pax, key, fallback, { form: /^[+-]?\d{1,19}(\.\d*)?$/, where })

function numberOf(pax: Records, key: string, fallback: number, as: { form: RegExp; where: string }): number {
  const text = recordOf(pax, key)
  if (text === undefined) return fallback
  if (!as.form.test(text)) throw tarError(`${as.where} has the ${key} ${JSON.stringify(text.slice(0, 80))}`)
  return Number(text)
}

/** Bytes stored in the tar, for a type that has content. */
export function sizeOf(header: HeaderBlock, records: Records, where: string): number {
  const size = integerOf(records, 'size', header.size, where)
  if (!Number.isSafeInteger(size) || size < 0) throw tarError(`${where} has the size ${size}`)
  return size
}

/** The size with holes, of PAX 1.0 and 0.x. @param stored where no record says it */
export function paxRealSize(pax: Records, stored: number, where: string): number {
  const key = recordOf(pax, 'GNU.sparse.size') === undefined ? 'GNU.sparse.realsize' : 'GNU.sparse.size'
  return checkedSize(integerOf(pax, key, stored, where), where)
}

export const gnuRealSize = (block: Buffer, where: string): number =>
  checkedSize(parseNumber(block, GNU_HEADER.realSize, GNU_HEADER.realSize + 12, 'real size', where), where)

function checkedSize(size: number, where: string): number {
  if (!Number.isSafeInteger(size) || size < 0) throw tarError(`${where} is sparse but has no size`)
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
