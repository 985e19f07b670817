/** Random layers and images for fast-check: every type of entry and every oddity. `generated-tar.ts` makes tars of them. */
import fc from 'fast-check'

export interface Item {
  /** in front of the name, as some tools write it */
  readonly prefix: '' | './' | '/'
  readonly name: string
  readonly kind: 'dir' | 'reg' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'sparse' | 'global'
  /** how a long or odd name, and a sparse file's map, are written */
  readonly dialect: 'pax' | 'pax-old' | 'gnu'
  readonly size: number
  readonly seed: number
  readonly mode: number
  readonly id: number
  readonly mtime: number
  readonly link: string
  readonly xattr: string | undefined
}

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
    prefix: fc.oneof(
      { weight: 6, arbitrary: fc.constant('' as const) },
      { weight: 1, arbitrary: fc.constantFrom('./', '/') },
    ),
    name: pathOf(alphabet),
    dialect: fc.constantFrom('pax', 'pax-old', 'gnu'),
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

/** Without what lies below a file at that moment: no runtime can unpack it. @param kinds by path, of what is there already */
function unpackable(items: readonly Item[], kinds: Map<string, string> = new Map()): Item[] {
  return items.filter(({ name, kind, link }) => {
    if (foldersAbove(name).some((folder) => (kinds.get(folder) ?? 'dir') !== 'dir')) return false
    if (kind === 'hardlink' && !isLinkable(name, link, kinds)) return false
    if (kind !== 'global') kinds.set(name, kind)
    return true
  })
}

/** A link to what isn't there (yet, or any more), to itself or to a directory fails every runtime; so does one that replaces its target. */
function isLinkable(name: string, link: string, kinds: ReadonlyMap<string, string>): boolean {
  const isBelowFile = foldersAbove(link).some((folder) => (kinds.get(folder) ?? 'dir') !== 'dir')
  if (isBelowFile || link === name || link.startsWith(`${name}/`)) return false
  return (kinds.get(link) ?? 'dir') !== 'dir' && !link.includes('.wh.')
}

/** Anything a tar can hold, sensible or not. */
export const anyLayer = fc.array(itemOf(parts), { maxLength: 16 }).map((items) => unpackable(items))

/** What a layer is stored as; `ours` and `library`: eStargz already, of this writer and of the reference's. */
export type Storage = 'none' | 'gzip' | 'zstd' | 'ours' | 'library' | 'no-bytes'
const storages = fc.constantFrom<Storage>('none', 'gzip', 'zstd', 'ours', 'library', 'no-bytes')

const withoutWhiteouts = parts.filter((name) => !name.startsWith('.wh.'))
/** Few names: links find files in the layers below. */
const imageItem = fc.oneof(itemOf(withoutWhiteouts), itemOf(['a', 'b']))

/** Layers over each other, base first; what a layer holds can be unpacked over those below. */
export const anyImage = fc
  .array(fc.record({ items: fc.array(imageItem, { maxLength: 8 }), storage: storages }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((layers) => {
    const kinds = new Map<string, string>()
    return layers.map(({ items, storage }) => ({
      storage,
      items: storage === 'no-bytes' ? [] : unpackable(items, kinds),
    }))
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
    const isFile = ['reg', 'sparse'].includes(kinds.get(item.link) ?? '') && !item.link.includes('.wh.')
    const isLost = item.kind === 'hardlink' && !isFile
    if (kinds.has(item.name) || isBelowFile || isLost || (hasBelow && item.kind !== 'dir')) return false
    kinds.set(item.name, item.kind)
    return true
  })
})
