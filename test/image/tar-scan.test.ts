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
import type { TarEntry } from '../../image/tar/entry.ts'
import { encodePax } from '../../image/tar/pax.ts'
import { scanTar, TarScanner } from '../../image/tar/scan.ts'
import { END_OF_TAR, encodeHeader, NOBODY, plainFileHeader, standaloneHeader } from '../../image/tar/write.ts'
import { dir, file, symlink, tarOf } from '../support/tar.ts'
import { pieces } from './pieces.ts'

async function filesOf(tar: Buffer, size = 65536): Promise<(TarEntry & { content: Buffer })[]> {
  const files: { entry: TarEntry; parts: Buffer[] }[] = []
  for await (const event of scanTar(pieces(tar, size))) {
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

test('a global record holds for all entries after it, and stays with an entry that is moved', async () => {
  const record = encodePax([
    ['uid', '777'],
    ['SCHILY.xattr.user.g', 'all'],
  ])
  const global = Buffer.concat([
    encodeHeader({ ...bare, name: 'g', size: record.length, flag: 'g' }, []),
    record,
    Buffer.alloc(512 - record.length),
  ])
  const [first, second] = await filesOf(
    Buffer.concat([
      plainFileHeader('a', 0),
      global,
      encodeHeader({ ...bare, name: 'b', size: 0, flag: '0' }, [['uid', '5']]),
      END_OF_TAR,
    ]),
  )
  expect([first?.uid, second?.uid]).toEqual([0, 5])
  if (second === undefined) throw new Error('no second')
  expect(second.xattrs.get('user.g')?.toString()).toBe('all')
  const [moved] = await filesOf(Buffer.concat([standaloneHeader(second), END_OF_TAR]))
  expect([moved?.uid, moved?.xattrs.get('user.g')?.toString()]).toEqual([5, 'all'])
})

const bare = { ...NOBODY, mode: 0o644 }

test('a header of ours carries what ustar cannot say', async () => {
  const fields = {
    ...bare,
    name: `n/${'é'.repeat(80)}`,
    size: 2 ** 34,
    uid: 4_000_000_000,
    gid: 1,
    mtime: -1.5,
    flag: '0',
    uname: 'u'.repeat(40),
  }
  const scanner = new TarScanner()
  const [event] = [
    ...scanner.push(encodeHeader({ ...fields, name: Buffer.from(fields.name).toString('latin1') }, [])),
  ]
  expect(event).toMatchObject({
    entry: {
      size: 2 ** 34,
      uid: 4_000_000_000,
      gid: 1,
      mtime: -1.5,
      uname: 'u'.repeat(40),
      name: Buffer.from(fields.name).toString('latin1'),
    },
  })
})

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

test.each(['../up', 'a/../../b'])('a path that leaves the layer is refused: %s', async (name) => {
  await expect(filesOf(Buffer.concat([plainFileHeader(name, 0), END_OF_TAR]))).rejects.toMatchObject({
    code: 'E_TAR',
  })
})

test('sizes that only want memory or time are refused before any is taken', async () => {
  const huge = encodeHeader({ ...bare, name: 'x', size: 2 ** 33 - 1, flag: 'x' }, [])
  await expect(filesOf(huge)).rejects.toThrow(/has 8589934591 bytes/)
  const endless = encodeHeader({ ...bare, name: 'f', size: 2 ** 50, flag: '0' }, [])
  await expect(filesOf(endless)).rejects.toThrow(/claims/)
})

test('links and directories have no content, whatever their size says', async () => {
  const link = encodeHeader({ ...bare, name: 'l', size: 512, flag: '1', linkName: 'a' }, [])
  const found = await filesOf(Buffer.concat([link, plainFileHeader('after', 0), END_OF_TAR]))
  expect(found.map(({ path, standsAlone }) => [path, standsAlone])).toEqual([
    ['l', false],
    ['after', true],
  ])
})
