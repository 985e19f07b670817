/** Tars of generated items, built byte by byte: names and sparse files in the dialects of PAX and of GNU. */

import { END_OF_TAR, encodeHeader, NOBODY } from '../../image/tar/encode.ts'
import { paddingOf } from '../../image/tar/entry.ts'
import { encodePax } from '../../image/tar/pax.ts'
import type { Item } from './generator.ts'

const FLAGS = {
  dir: '5',
  reg: '0',
  symlink: '2',
  hardlink: '1',
  char: '3',
  block: '4',
  fifo: '6',
  sparse: '0',
  global: 'g',
}

export const contentOf = ({ size, seed }: Item): Buffer =>
  Buffer.from(Array.from({ length: size }, (_, at) => (at * seed + (at >> 5) * 31) & 0xff))

export function tarOfItems(items: readonly Item[]): Buffer {
  return Buffer.concat([...items.flatMap(bytesOfItem), END_OF_TAR])
}

type Records = readonly (readonly [string, string])[]

const padded = (bytes: Buffer): Buffer[] => [bytes, Buffer.alloc(paddingOf(bytes.length))]

function bytesOfItem(item: Item): Buffer[] {
  if (item.kind === 'global') return globalRecords(item)
  if (item.kind === 'sparse') return sparseFile(item)
  const content = item.kind === 'reg' ? contentOf(item) : Buffer.alloc(0)
  return [headerOf(item, content.length, xattrsOf(item)), ...padded(content)]
}

const xattrsOf = ({ xattr }: Item): Records =>
  xattr === undefined || xattr === '' ? [] : [['SCHILY.xattr.user.test', xattr]]

const nameOf = ({ prefix, name, kind }: Item): string => `${prefix}${name}${kind === 'dir' ? '/' : ''}`

/** GNU's way to say a long name: a block of its own before the header. */
function gnuName(name: string): Buffer {
  const content = Buffer.from(`${name}\0`, 'latin1')
  const head = encodeHeader(
    { ...NOBODY, mode: 0, name: '././@LongLink', size: content.length, flag: 'L' },
    [],
  )
  return Buffer.concat([head, ...padded(content)])
}

function headerOf(item: Item, size: number, records: Records, name = nameOf(item)): Buffer {
  const isDevice = item.kind === 'char' || item.kind === 'block'
  const isLink = item.kind === 'symlink' || item.kind === 'hardlink'
  const isGnu = item.dialect === 'gnu'
  const header = encodeHeader(
    {
      name: isGnu ? 'cut' : name,
      mode: item.mode,
      uid: item.id,
      gid: item.id,
      size,
      mtime: item.mtime,
      flag: FLAGS[item.kind],
      linkName: isLink ? item.link : '',
      uname: '',
      gname: '',
      devMajor: isDevice ? item.seed : 0,
      devMinor: isDevice ? item.size : 0,
    },
    records,
  )
  return isGnu ? Buffer.concat([gnuName(name), header]) : header
}

/** A record for all entries behind it. */
function globalRecords({ seed, xattr }: Item): Buffer[] {
  const body = encodePax([
    ['gid', String(seed)],
    ['SCHILY.xattr.user.global', xattr || 'g'],
  ])
  return [encodeHeader({ ...NOBODY, mode: 0, name: 'g', size: body.length, flag: 'g' }, []), ...padded(body)]
}

/** Two parts of the content, holes around: [offset, bytes] of each. */
const partsOf = ({ size }: Item): [[number, number], [number, number]] => {
  const half = size >> 1
  return [
    [100, half],
    [half + 300, size - half],
  ]
}

export function sparseContent(item: Item): Buffer {
  const [[first, half], [second]] = partsOf(item)
  const data = contentOf(item)
  const content = Buffer.alloc(item.size + 500)
  data.copy(content, first, 0, half)
  data.copy(content, second, half)
  return content
}

function sparseFile(item: Item): Buffer[] {
  const content = sparseContent(item)
  const data = contentOf(item)
  if (item.dialect === 'gnu') return gnuSparse(item, data, content.length)
  return item.dialect === 'pax'
    ? paxSparse(item, data, content.length)
    : oldPaxSparse(item, data, content.length)
}

/** PAX 1.0: the map in front of the content. */
function paxSparse(item: Item, data: Buffer, realSize: number): Buffer[] {
  const map = Buffer.alloc(512)
  map.write(`2\n${partsOf(item).flat().join('\n')}\n`)
  const stored = Buffer.concat([map, data])
  const records: Records = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', nameOf(item)],
    ['GNU.sparse.realsize', String(realSize)],
    ...xattrsOf(item),
  ]
  return [headerOf(item, stored.length, records, 'sparse/0'), ...padded(stored)]
}

/** PAX 0.1: the map in a record. */
function oldPaxSparse(item: Item, data: Buffer, realSize: number): Buffer[] {
  const records: Records = [
    ['GNU.sparse.size', String(realSize)],
    ['GNU.sparse.numblocks', '2'],
    ['GNU.sparse.map', partsOf(item).flat().join(',')],
    ['GNU.sparse.name', nameOf(item)],
    ...xattrsOf(item),
  ]
  return [headerOf(item, data.length, records, 'sparse/0'), ...padded(data)]
}

/** The map in the header, whose numbers are octal. */
function gnuSparse(item: Item, data: Buffer, realSize: number): Buffer[] {
  const header = headerOf({ ...item, xattr: undefined }, data.length, xattrsOf(item))
  const block = header.subarray(-512)
  const octal = (value: number, at: number) => block.write(`${value.toString(8).padStart(11, '0')}\0`, at)
  block.write('S', 156)
  block.write('ustar  \0', 257, 'latin1')
  block.fill(0, 345)
  partsOf(item).forEach(([offset, size], index) => {
    octal(offset, 386 + 24 * index)
    octal(size, 398 + 24 * index)
  })
  octal(realSize, 483)
  block.write('        ', 148)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return [header, ...padded(data)]
}
