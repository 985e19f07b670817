/** Random trees on disk, with all that a layer may hold, and questions to ask about them. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import fc from 'fast-check'

export type Kind = 'dir' | 'file' | 'sparse' | 'symlink' | 'hardlink' | 'fifo' | 'char'

export interface Item {
  readonly kind: Kind
  readonly name: Buffer
  /** which of the folders so far it lies in, and for a hardlink which file it links */
  readonly place: number
  readonly size: number
  readonly mode: number
  readonly uid: number
  readonly mtime: number
}

/** Any byte may stand in a name, but for NUL and the slash. */
const byteName = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x41 : byte))))

const textName = fc
  .oneof(
    fc.constantFrom(
      'a',
      'b',
      'name with spaces',
      'ünïcödé',
      '日本',
      "quo'te",
      'new\nline',
      '.hidden',
      '*',
      '-x',
    ),
    fc.constant('long'.repeat(60)),
  )
  .map((text) => Buffer.from(text))

export const item: fc.Arbitrary<Item> = fc.record({
  kind: fc.constantFrom<Kind>(
    'dir',
    'dir',
    'file',
    'file',
    'file',
    'sparse',
    'symlink',
    'hardlink',
    'fifo',
    'char',
  ),
  name: fc.oneof(textName, byteName),
  place: fc.nat(20),
  size: fc.oneof(fc.nat(100), fc.constantFrom(0, 4095, 4096, 4097, 131072, 300_000)),
  mode: fc.nat(0o7777),
  uid: fc.constantFrom(0, 1, 1000, 65534, 100_000),
  mtime: fc.constantFrom(0, 1, 1_600_000_000, 2_000_000_000),
})

const SLASH = Buffer.from('/')

/** @returns the paths made, relative to `root`, with their kinds */
export function makeTree(root: string, items: readonly Item[]): { path: Buffer; kind: Kind }[] {
  const made: { path: Buffer; kind: Kind }[] = []
  const folders: Buffer[] = [Buffer.from(root)]
  const files: Buffer[] = []
  const all: { path: Buffer; item: Item }[] = []
  for (const item of items) {
    const folder = folders[item.place % folders.length] ?? Buffer.from(root)
    const path = Buffer.concat([folder, SLASH, item.name])
    if (['.', '..'].includes(item.name.toString('latin1')) || all.some((one) => one.path.equals(path)))
      continue
    if (!make(path, item, files)) continue
    if (item.kind === 'dir') folders.push(path)
    if (item.kind === 'file' || item.kind === 'sparse') files.push(path)
    made.push({ path: path.subarray(root.length + 1), kind: item.kind })
    all.push({ path, item })
  }
  // From the inside out, since making an entry changes its folder's time.
  for (const { path, item } of all.reverse()) {
    if (item.kind === 'hardlink') continue
    if (item.kind !== 'symlink') {
      chownSync(path, item.uid, item.uid)
      chmodSync(path, item.mode)
    }
    lutimesSync(path, item.mtime, item.mtime)
  }
  return made
}

function make(path: Buffer, item: Item, files: readonly Buffer[]): boolean {
  switch (item.kind) {
    case 'dir':
      mkdirSync(path)
      return true
    case 'file':
      writeFileSync(path, contentOf(item))
      return true
    case 'sparse':
      writeFileSync(path, contentOf(item))
      truncateSync(path, item.size + 5_000_000)
      return true
    case 'symlink':
      symlinkSync(item.name, path)
      return true
    case 'hardlink': {
      const target = files[item.place % Math.max(1, files.length)]
      if (target) linkSync(target, path)
      return target !== undefined
    }
    case 'fifo':
      return mknod(path, ['p'])
    case 'char':
      return mknod(path, ['c', '300', '70000'])
  }
}

/** mknod's arguments are text here, so names of other bytes get no device. */
function mknod(path: Buffer, args: readonly string[]): boolean {
  if (!Buffer.from(path.toString('utf8')).equals(path)) return false
  execFileSync('mknod', ['--', path.toString('utf8'), ...args])
  return true
}

function contentOf({ size, place }: Item): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + place) & 0xff))
}

export async function readAt(path: Buffer, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
