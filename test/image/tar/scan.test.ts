/** The scanner against what real tar programs write, in every dialect, and against damage. */
import { execFileSync } from 'node:child_process'
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  END_OF_TAR,
  encodeHeader,
  NOBODY,
  plainFileHeader,
  standaloneHeader,
} from '../../../image/tar/encode.ts'
import { paddingOf, type TarEntry } from '../../../image/tar/entry.ts'
import { encodePax } from '../../../image/tar/pax.ts'
import { scanTar } from '../../../image/tar/scan.ts'
import { inPieces } from '../../support/in-pieces.ts'
import { dir, file, symlink, tarOf } from '../../support/tar.ts'

async function filesOf(tar: Buffer, size = 65536): Promise<(TarEntry & { content: Buffer })[]> {
  const files: { entry: TarEntry; parts: Buffer[] }[] = []
  for await (const event of scanTar(inPieces(tar, size))) {
    if (event.kind === 'entry') files.push({ entry: event.entry, parts: [] })
    else files.at(-1)?.parts.push(Buffer.from(event.bytes))
  }
  return files.map(({ entry, parts }) => ({ ...entry, content: Buffer.concat(parts) }))
}

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hs-tar-'))
  const tree = join(folder, 'tree')
  mkdirSync(join(tree, 'sub'), { recursive: true })
  writeFileSync(join(tree, 'a'), 'alpha')
  writeFileSync(join(tree, 'empty'), '')
  writeFileSync(join(tree, 'block'), Buffer.alloc(512, 'x'))
  symlinkSync('a', join(tree, 'sub/link'))
  linkSync(join(tree, 'a'), join(tree, 'sub/hard'))
  utimesSync(join(tree, 'a'), 1_500_000_000.25, 1_500_000_000.75)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const tar = (...args: string[]): Buffer => execFileSync('tar', args, { maxBuffer: 1 << 28 })
const pack = (format: string): Buffer =>
  tar(format, '-C', join(folder, 'tree'), '--sort=name', '-cf', '-', '.')

test.each(['v7', 'oldgnu', 'gnu', 'ustar', 'posix'])('reads what GNU tar writes as %s', async (format) => {
  const found = await filesOf(pack(`--format=${format}`))
  expect(found.map(({ path, type, size, linkName }) => [path, type, size, linkName])).toEqual([
    ['', 'dir', 0, ''],
    ['a', 'reg', 5, ''],
    ['block', 'reg', 512, ''],
    ['empty', 'reg', 0, ''],
    ['sub', 'dir', 0, ''],
    ['sub/hard', 'hardlink', 0, './a'],
    ['sub/link', 'symlink', 0, 'a'],
  ])
  expect(found[1]?.content.toString()).toBe('alpha')
  expect(found[1]?.mtime).toBe(format === 'posix' ? 1_500_000_000.75 : 1_500_000_000)
  expect(found[5]?.linkPath).toBe('a')
})

test('gives the same events however the bytes are cut', async () => {
  const bytes = pack('--format=posix')
  const whole = await filesOf(bytes)
  for (const size of [1, 511, 512, 513, 1000]) expect(await filesOf(bytes, size)).toEqual(whole)
})

test.each([
  ['gnu', []],
  ['posix', ['--sparse-version=0.0']],
  ['posix', ['--sparse-version=0.1']],
  ['posix', ['--sparse-version=1.0']],
])('unfolds sparse files as GNU tar packs them: %s %j', async (format, args) => {
  const name = join(folder, `sparse-${format}-${args.join('')}`)
  writeFileSync(name, '')
  truncateSync(name, 3_000_000)
  const want = Buffer.alloc(3_000_000)
  const parts = Array.from({ length: 30 }, (_, index) => index * 90_000 + 4096)
  execFileSync('sh', [
    '-c',
    parts
      .map((at) => `printf data${at} | dd of='${name}' bs=1 seek=${at} conv=notrunc 2>/dev/null`)
      .join(';'),
  ])
  for (const at of parts) want.write(`data${at}`, at)
  const bytes = tar(
    '-C',
    folder,
    `--format=${format}`,
    ...args,
    '--sparse',
    '-cf',
    '-',
    name.slice(folder.length + 1),
  )
  expect(bytes.length).toBeLessThan(1_000_000)
  const [found] = await filesOf(bytes)
  expect(found?.size).toBe(3_000_000)
  expect(found?.path).toBe(name.slice(folder.length + 1))
  expect(found?.content.equals(want)).toBe(true)
  if (found === undefined) throw new Error('nothing found')
  // Its own header says "sparse"; the one to be written says what the content now is.
  const plain = Buffer.concat([standaloneHeader(found), found.content, Buffer.alloc(320), END_OF_TAR])
  expect(execFileSync('tar', ['-xOf', '-'], { input: plain, maxBuffer: 1 << 28 }).equals(want)).toBe(true)
})

test('keeps header bytes: put together again, they are the tar', async () => {
  const bytes = await tarOf([
    dir('d/'),
    file(`d/${'long/'.repeat(60)}name`, 'x'),
    file('d/ü', 'y', { pax: { 'SCHILY.xattr.user.x': 'v' } }),
    symlink('d/s', 'z'.repeat(150)),
  ])
  const files = await filesOf(bytes)
  const again = files.flatMap((entry) => [
    standaloneHeader(entry),
    entry.content,
    Buffer.alloc((512 - (entry.content.length % 512)) % 512),
  ])
  expect(Buffer.concat([...again, END_OF_TAR]).equals(bytes)).toBe(true)
  expect(files[2]?.xattrs.get('user.x')?.toString()).toBe('v')
  expect(files[3]?.linkName).toBe('z'.repeat(150))
})

const special = (flag: string, content: Buffer): Buffer =>
  Buffer.concat([
    encodeHeader({ ...bare, name: 'special', size: content.length, flag }, []),
    content,
    Buffer.alloc(paddingOf(content.length)),
  ])
const empty = (name: string, records: readonly (readonly [string, string])[] = []): Buffer =>
  encodeHeader({ ...bare, name, size: 0, flag: '0' }, records)
const records = (...pairs: [string, string][]): Buffer => encodePax(pairs)

test('global records are passed over, as runtimes do, and so is what stood before them', async () => {
  const files = await filesOf(
    Buffer.concat([
      special('g', records(['uid', '777'], ['path', 'other'], ['SCHILY.xattr.user.g', 'all'])),
      empty('a'),
      special('x', records(['gid', '5'])),
      special('L', Buffer.from('long')),
      special('g', records(['mtime', '1'])),
      empty('b'),
      END_OF_TAR,
    ]),
  )
  expect(files.map(({ path, uid, gid, mtime }) => [path, uid, gid, mtime])).toEqual([
    ['a', 0, 0, 0],
    ['b', 0, 0, 0],
  ])
  for (const file of files) {
    expect(file.xattrs.size).toBe(0)
    expect(standaloneHeader(file).length).toBe(512)
  }
})

test('40,000 global records over 300 files are kept nowhere', async () => {
  const many = encodePax(Array.from({ length: 40_000 }, (_, index) => [`k${index}`, 'v']))
  const files = await filesOf(
    Buffer.concat([
      special('g', many),
      ...Array.from({ length: 300 }, (_, index) => empty(`f${index}`)),
      END_OF_TAR,
    ]),
  )
  expect(files).toHaveLength(300)
  expect(new Set(files.map(({ pax }) => pax)).size).toBe(1)
  expect(files[299]?.pax.size).toBe(0)
})

const bare = { ...NOBODY, mode: 0o644 }

const damaged: [string, (bytes: Buffer) => Buffer, RegExp][] = [
  ['a wrong checksum', (b) => b.fill('7', 100, 103), /checksum/],
  ['a cut in the content', (b) => b.subarray(0, 600), /ends inside "a"/],
  ['a cut in a header', (b) => b.subarray(0, 100), /ends inside/],
  ['a single zero block', (b) => Buffer.concat([Buffer.alloc(512), b]), /single zero block/],
]
test.each(damaged)('%s is an error that names the place', async (_, damage, message) => {
  const bytes = damage(await tarOf([file('a', 'x'.repeat(400)), file('b', 'y')]))
  await expect(filesOf(bytes)).rejects.toThrow(message)
})

test.each([
  ['../up', 'up'],
  ['a/../../b', 'b'],
  ['/../.././c/./d/..', 'c'],
])('a path that leaves the layer is cleaned: %s', async (name, path) => {
  const [found] = await filesOf(Buffer.concat([plainFileHeader(name, 0), END_OF_TAR]))
  expect([found?.name, found?.path]).toEqual([name, path])
})

test('sizes that only want memory or time are refused before any is taken', async () => {
  const huge = encodeHeader({ ...bare, name: 'x', size: 2 ** 33 - 1, flag: 'x' }, [])
  await expect(filesOf(huge)).rejects.toThrow(/has 8589934591 bytes/)
  const endless = encodeHeader({ ...bare, name: 'f', size: 2 ** 50, flag: '0' }, [])
  await expect(filesOf(endless)).rejects.toThrow(/claims/)
})

test.each<[string, Buffer, RegExp]>([
  [
    'a PAX block of a gigabyte',
    encodeHeader({ ...bare, name: 'x', size: 2 ** 30, flag: 'x' }, []),
    /1073741824 bytes/,
  ],
  [
    'global records of a gigabyte',
    encodeHeader({ ...bare, name: 'x', size: 2 ** 30, flag: 'g' }, []),
    /1073741824 bytes/,
  ],
  [
    'a long name of a gigabyte',
    encodeHeader({ ...bare, name: 'x', size: 2 ** 30, flag: 'L' }, []),
    /1073741824 bytes/,
  ],
  [
    'PAX blocks without end',
    Buffer.concat(new Array(9).fill(special('x', records(['k', 'v'.repeat(600_000)])))),
    /take more than \d+ bytes/,
  ],
  [
    'a special block of a negative size',
    base256(special('x', Buffer.alloc(0)), 124, 12, -1n),
    /has -1 bytes/,
  ],
  ['a negative size', base256(empty('f'), 124, 12, -512n), /has the size -512/],
  ['a size beyond what numbers say', base256(empty('f'), 124, 12, 2n ** 60n), /too large/],
  ['a size in PAX that is none', empty('f', [['size', '1.5']]), /has the size "1.5"/],
  ['an owner that is none', empty('f', [['uid', '1.5']]), /has the uid "1.5"/],
  ['a time that is none', empty('f', [['mtime', '.5']]), /has the mtime ".5"/],
  ['a sparse part of a negative length', negativePart(), /sparse map that exceeds its size/],
  ['a sparse map of more parts than it says', sparse01('0,0,1,0', '1'), /4 numbers for 1 parts/],
  ['a sparse map without order', empty('f', [['GNU.sparse.numbytes', '1']]), /out-of-order/],
])('%s is refused', async (_, bytes, message) => {
  await expect(filesOf(bytes)).rejects.toThrow(message)
})

/** A field in GNU's binary form, and the checksum that goes with it. */
function base256(header: Buffer, at: number, length: number, value: bigint): Buffer {
  const bytes = Buffer.from(header)
  let rest = BigInt.asUintN(8 * length, value)
  for (let index = at + length - 1; index >= at; index--) {
    bytes[index] = Number(rest & 255n)
    rest >>= 8n
  }
  bytes[at] = (bytes[at] ?? 0) | 0x80
  bytes.fill(' ', 148, 156)
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}

function sparse01(map: string, numblocks: string, size = '10'): Buffer {
  return empty('f', [
    ['GNU.sparse.map', map],
    ['GNU.sparse.numblocks', numblocks],
    ['GNU.sparse.size', size],
  ])
}

/** Of GNU's own header, where such a number can be said. */
function negativePart(): Buffer {
  const header = encodeHeader({ ...bare, name: 'f', size: 0, flag: 'S' }, [])
  header.write('ustar  \0', 257, 'latin1')
  header.write('00000000000\0', 386, 'latin1')
  header.write('00000001000\0', 483, 'latin1')
  return base256(header, 398, 12, -1n)
}

test('links and directories have no content, whatever their size says', async () => {
  const link = encodeHeader({ ...bare, name: 'l', size: 512, flag: '1', linkName: 'a' }, [])
  const found = await filesOf(Buffer.concat([link, plainFileHeader('after', 0), END_OF_TAR]))
  expect(found.map(({ path, standsAlone }) => [path, standsAlone])).toEqual([
    ['l', false],
    ['after', true],
  ])
})
