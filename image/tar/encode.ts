/** Writes headers: of files that we add, and of entries whose own header can't be moved unchanged. */
import { BLOCK, paddingOf, type TarEntry } from './entry.ts'
import { encodeHeaderBlock, fitsOctal, type HeaderFields } from './header.ts'
import { encodePax } from './pax.ts'

/** Two zero blocks. */
export const END_OF_TAR = Buffer.alloc(2 * BLOCK)

/** A regular file of root, mode 0644, time 0: the header of a landmark or table of contents. */
export function plainFileHeader(name: string, size: number): Buffer {
  return encodeHeader({ ...NOBODY, name, size, mode: 0o644, flag: '0' }, [])
}

/** The fields of a header that has neither owner nor time nor device. */
export const NOBODY = {
  uid: 0,
  gid: 0,
  mtime: 0,
  linkName: '',
  uname: '',
  gname: '',
  devMajor: 0,
  devMinor: 0,
} as const

/** A ustar header, and before it PAX records for what ustar can't say and `extra`. */
export function encodeHeader(fields: HeaderFields, extra: Iterable<readonly [string, string]>): Buffer {
  const records = [...overflowOf(fields), ...extra]
  const block = encodeHeaderBlock(fields)
  if (records.length === 0) return block
  const body = encodePax(records)
  // The name that GNU tar and Go write; nothing reads it.
  const name = `PaxHeaders.0/${fields.name.split('/').findLast((part) => part !== '') ?? ''}`.slice(0, 99)
  const head = encodeHeaderBlock({ ...NOBODY, name, size: body.length, mode: 0o644, flag: 'x' })
  return Buffer.concat([head, body, Buffer.alloc(paddingOf(body.length)), block])
}

const isAscii = (text: string): boolean => !/[^ -~]/.test(text)

function overflowOf(fields: HeaderFields): [string, string][] {
  const records: [string, string][] = []
  const text = (key: string, value: string, limit: number) => {
    if (value.length > limit || !isAscii(value)) records.push([key, value])
  }
  const number = (key: string, value: number, digits: number) => {
    if (!fitsOctal(value, digits)) records.push([key, String(value)])
  }
  text('path', fields.name, 100)
  text('linkpath', fields.linkName, 100)
  text('uname', fields.uname, 32)
  text('gname', fields.gname, 32)
  number('uid', fields.uid, 7)
  number('gid', fields.gid, 7)
  number('size', fields.size, 11)
  number('mtime', fields.mtime, 11)
  return records
}

const FLAGS = { dir: '5', reg: '0', symlink: '2', hardlink: '1', char: '3', block: '4', fifo: '6' } as const
/** Records that repeat a header's own fields, or that no longer hold once a sparse file's holes are written out. */
const SAID_BY_FIELDS = /^(path|linkpath|uname|gname|uid|gid|size|mtime)$|^GNU\.sparse\./

/**
 * A header that may stand anywhere in any tar: the entry's own bytes if they can, else one that says the same by itself (with global
 * records made its own, and a sparse file as a plain one).
 */
export function standaloneHeader(entry: TarEntry): Buffer {
  return entry.standsAlone ? entry.header : rebuiltHeader(entry)
}

export function rebuiltHeader(entry: TarEntry): Buffer {
  const kept = [...entry.pax].filter(([key, value]) => value !== '' && !SAID_BY_FIELDS.test(key))
  const name = entry.type === 'dir' && !entry.name.endsWith('/') ? `${entry.name}/` : entry.name
  return encodeHeader({ ...entry, name, flag: FLAGS[entry.type] }, kept)
}
