/** Random layers for fast-check: every type of entry and every oddity, in tars that are built here byte by byte. */
import fc from 'fast-check'
import { paddingOf } from '../../image/tar/entry.ts'
import { encodePax } from '../../image/tar/pax.ts'
import { END_OF_TAR, encodeHeader } from '../../image/tar/write.ts'

/** How many cases a property is tried on; HEADSTART_CASES=10 takes ten times as many. */
export const cases = (count: number): { numRuns: number } => ({
  numRuns: count * Number(process.env.HEADSTART_CASES ?? 1),
})

export interface Item {
  readonly name: string
  readonly kind: 'dir' | 'reg' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'sparse' | 'global'
  readonly size: number
  readonly seed: number
  readonly mode: number
  readonly id: number
  readonly mtime: number
  readonly link: string
  readonly xattr: string | undefined
}

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

/** bytes as latin1: ASCII, UTF-8 of two and four bytes, and what is no UTF-8 at all */
const parts = [
  'a',
  'b',
  'c.so',
  'lib',
  '.hidden',
  'sp ace',
  'n\xc3\xa9',
  '\xf0\x9f\x98\x80',
  '\xff\xfe',
  'x'.repeat(120),
  '%41',
  '.wh.a',
  '.wh..wh..opq',
]

const pathOf = (alphabet: readonly string[]) =>
  fc.array(fc.constantFrom(...alphabet), { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))

const itemOf = (alphabet: readonly string[]): fc.Arbitrary<Item> =>
  fc.record({
    name: pathOf(alphabet),
    kind: fc.oneof(
      { weight: 5, arbitrary: fc.constant('reg' as const) },
      { weight: 4, arbitrary: fc.constantFrom('dir', 'symlink', 'hardlink', 'sparse') },
      { weight: 2, arbitrary: fc.constantFrom('char', 'block', 'fifo', 'global') },
    ),
    size: fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 1024), fc.integer({ min: 0, max: 5000 })),
    seed: fc.integer({ min: 1, max: 255 }),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    id: fc.constantFrom(0, 1, 1000, 2_097_151, 2_097_152, 4_000_000_000),
    mtime: fc.constantFrom(0, 1, 1_600_000_000, 1_600_000_000.75, -5.5, 2 ** 33, 300_000_000_000),
    link: pathOf(alphabet),
    xattr: fc.option(fc.constantFrom('', 'v', '\xff\x00\x01', 'line\nbreak'), { nil: undefined }),
  })

const foldersAbove = (name: string): string[] => {
  const names = name.split('/').slice(0, -1)
  return names.map((_, depth) => names.slice(0, depth + 1).join('/'))
}

/** Anything a tar can hold, sensible or not, that a runtime can unpack: nothing lies below what is a file at that moment. */
export const anyLayer = fc.array(itemOf(parts), { maxLength: 16 }).map((items) => {
  const kinds = new Map<string, string>()
  return items.filter(({ name, kind }) => {
    if (foldersAbove(name).some((folder) => (kinds.get(folder) ?? 'dir') !== 'dir')) return false
    if (kind !== 'global') kinds.set(name, kind)
    return true
  })
})

/**
 * What the format's library can open: names once, parents that are directories, hardlinks to files before them.
 */
export const soundLayer = fc.array(itemOf(parts), { maxLength: 20 }).map((items) => {
  const kinds = new Map<string, string>()
  return items.filter((item) => {
    if (item.kind === 'global') return false
    const isBelowFile = foldersAbove(item.name).some((folder) => (kinds.get(folder) ?? 'dir') !== 'dir')
    const hasBelow = [...kinds.keys()].some((name) => name.startsWith(`${item.name}/`))
    const isLost = item.kind === 'hardlink' && !['reg', 'sparse'].includes(kinds.get(item.link) ?? '')
    if (kinds.has(item.name) || isBelowFile || isLost || (hasBelow && item.kind !== 'dir')) return false
    kinds.set(item.name, item.kind)
    return true
  })
})

export function tarOfItems(items: readonly Item[]): Buffer {
  return Buffer.concat([...items.flatMap(bytesOfItem), END_OF_TAR])
}

function bytesOfItem(item: Item): Buffer[] {
  if (item.kind === 'global') return globalRecords(item)
  if (item.kind === 'sparse') return sparseFile(item)
  const content = item.kind === 'reg' ? contentOf(item) : Buffer.alloc(0)
  return [headerOf(item, content.length, xattrsOf(item)), content, Buffer.alloc(paddingOf(content.length))]
}

const xattrsOf = ({ xattr }: Item): [string, string][] =>
  xattr === undefined || xattr === '' ? [] : [['SCHILY.xattr.user.test', xattr]]

function headerOf(item: Item, size: number, records: [string, string][]): Buffer {
  const isDevice = item.kind === 'char' || item.kind === 'block'
  const isLink = item.kind === 'symlink' || item.kind === 'hardlink'
  return encodeHeader(
    {
      name: item.kind === 'dir' ? `${item.name}/` : item.name,
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
}

/** A record for all entries behind it. */
function globalRecords({ seed, xattr }: Item): Buffer[] {
  const body = encodePax([
    ['gid', String(seed)],
    ['SCHILY.xattr.user.global', xattr || 'g'],
  ])
  const header = encodeHeader(
    {
      name: 'g',
      mode: 0,
      uid: 0,
      gid: 0,
      size: body.length,
      mtime: 0,
      flag: 'g',
      linkName: '',
      uname: '',
      gname: '',
      devMajor: 0,
      devMinor: 0,
    },
    [],
  )
  return [header, body, Buffer.alloc(paddingOf(body.length))]
}

/** PAX 1.0: a map in front, two parts of the content, holes around. */
function sparseFile(item: Item): Buffer[] {
  const content = sparseContent(item)
  const half = item.size >> 1
  const map = Buffer.alloc(512)
  map.write(`2\n100\n${half}\n${half + 300}\n${item.size - half}\n`)
  const stored = Buffer.concat([
    map,
    content.subarray(100, 100 + half),
    content.subarray(half + 300, item.size + 300),
  ])
  const records: [string, string][] = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', item.name],
    ['GNU.sparse.realsize', String(content.length)],
    ...xattrsOf(item),
  ]
  return [
    headerOf({ ...item, name: 'sparse/0' }, stored.length, records),
    stored,
    Buffer.alloc(paddingOf(stored.length)),
  ]
}

export function sparseContent(item: Item): Buffer {
  const half = item.size >> 1
  const data = contentOf(item)
  const content = Buffer.alloc(item.size + 500)
  data.copy(content, 100, 0, half)
  data.copy(content, half + 300, half)
  return content
}
