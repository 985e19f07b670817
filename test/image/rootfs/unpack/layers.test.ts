/** Unpacking: what comes out is what GNU tar makes of the layer, whiteouts are obeyed, and nothing leaves the folder. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bytesBlob } from '../../../../image/blob.ts'
import { digestOf } from '../../../../image/digest.ts'
import { type UnpackProgress, unpackLayers } from '../../../../image/rootfs/unpack/layers.ts'
import { openSource } from '../../../../image/sources.ts'
import type { Layer } from '../../../../image/types.ts'
import { writeImage } from '../../../support/images.ts'
import {
  device,
  dir,
  file,
  hardlink,
  opaque,
  symlink,
  type TarItem,
  tarOf,
  whiteout,
} from '../../../support/tar.ts'

let base: string
let count = 0

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'hs-unpack-'))
  await writeFile(join(base, 'outside'), 'untouched')
})
afterAll(() => rm(base, { recursive: true }))

function layerOf(tar: Buffer): Layer {
  const bytes = gzipSync(tar, { level: 1 })
  const descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length }
  return { ...bytesBlob(descriptor, bytes), diffId: digestOf(tar) }
}

async function unpacked(...layers: (readonly TarItem[] | Buffer)[]): Promise<string> {
  const folder = join(base, `root-${++count}`)
  await mkdir(folder)
  const tars = await Promise.all(layers.map((layer) => (Buffer.isBuffer(layer) ? layer : tarOf(layer))))
  await unpackLayers({ layers: tars.map(layerOf) }, folder)
  return folder
}

/** Everything about a tree that a container can see. */
function listing(folder: string): string {
  const script = `find . -printf '%P\\t%y\\t%m\\t%U:%G\\t%T@\\t%l\\t%n\\n' | LC_ALL=C sort
    find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
    find . \\( -type c -o -type b \\) -exec stat -c '%n %t:%T' {} + | LC_ALL=C sort
    find . -print0 | LC_ALL=C sort -z | xargs -0r getfattr -h -d -m - -e hex --`
  const text = execFileSync('sh', ['-c', script], { cwd: folder, encoding: 'latin1', maxBuffer: 64 << 20 })
  // A double holds today's seconds to a tenth of a microsecond.
  return text.replace(/\t(\d+\.\d{10})\t/g, (_, time: string) => `\t${Number(time).toFixed(5)}\t`)
}

const paths = (folder: string): string[] =>
  execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P\\n'], { cwd: folder, encoding: 'latin1' })
    .split('\n')
    .filter(Boolean)
    .sort()

test('a layer of everything comes out as GNU tar unpacks it', async () => {
  const source = join(base, 'source')
  await mkdir(source)
  const script = `
    mkdir -p a/b && chmod 1777 a && chown 12:34 a/b
    echo hello > a/b/hello && ln a/b/hello a/link && ln -s ../hello a/b/sym && ln -s /etc/passwd abs
    printf '#!/bin/sh\\n' > su && chmod 6755 su && chown 5:6 su
    printf x > cap && setcap cap_net_raw+ep cap
    printf y > "$(printf 'bad\\377name')" && setfattr -n user.k -v v a/b/hello
    mkdir "$(printf 'dir\\351')" && : > "$(printf 'dir\\351/x')"
    mknod null c 1 3 && mknod disk b 8 1 && mkfifo pipe && chmod 640 pipe
    truncate -s 10M sparse && printf end >> sparse && printf z | dd of=sparse bs=1 seek=5000000 conv=notrunc 2>/dev/null
    mkdir -p ${'d'.repeat(90)}/${'e'.repeat(90)} && echo long > ${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}
    touch -d '2001-02-03 04:05:06.789' a/b/hello && touch -h -d '1999-01-01' a/b/sym && touch -d '1980-01-01' a a/b .
    : > empty && chmod 000 empty`
  execFileSync('sh', ['-ec', script], { cwd: source })
  for (const format of [
    ['--format=pax', '--xattrs', '--xattrs-include=*'],
    ['--format=gnu'],
    ['--format=gnu', '--sparse'],
  ]) {
    const tar = execFileSync('tar', ['-C', source, '-cf', '-', ...format, '.'], { maxBuffer: 64 << 20 })
    const expected = join(base, `expected-${++count}`)
    await mkdir(expected)
    execFileSync(
      'tar',
      ['-C', expected, '-xpf', '-', '--xattrs', '--xattrs-include=*', '--numeric-owner', '--same-owner'],
      {
        input: tar,
      },
    )
    expect(listing(await unpacked(tar))).toBe(listing(expected))
  }
})

test('several layers come out as umoci unpacks them', async () => {
  const owned = { uid: 1000, gid: 1001, mode: 0o640, mtime: new Date(1_234_567_000_000) }
  const place = await writeImage(join(base, 'image'), {
    layers: [
      [
        dir('bin'),
        file('bin/tool', 'one', { mode: 0o4755 }),
        dir('etc'),
        dir('etc/d'),
        file('etc/d/a'),
        file('etc/gone'),
      ],
      [
        file('etc/owned', 'x', owned),
        hardlink('bin/same', 'bin/tool'),
        whiteout('etc/gone'),
        symlink('lib', 'bin'),
      ],
      [
        dir('etc/d', { mode: 0o711 }),
        file('etc/d/b'),
        opaque('etc/d'),
        device('null', 1, 3),
        file('bin/tool', 'two'),
      ],
      [whiteout('bin/same'), dir('etc/owned'), file('etc/owned/now-a-folder', 'y', owned)],
    ],
  })
  const [ours, theirs] = [join(base, 'ours'), join(base, 'theirs')]
  await mkdir(ours)
  await using source = await openSource(place)
  await unpackLayers(await source.image(), ours)
  execFileSync('umoci', ['raw', 'unpack', '--image', place.slice('oci:'.length), theirs], { stdio: 'pipe' })
  // Times of directories that a later layer wrote into are whatever the tool left there.
  const look = (folder: string) => listing(folder).replace(/^(\S*\td\t\d+\t\d+:\d+)\t[\d.]+/gm, '$1')
  expect(look(ours)).toBe(look(theirs))
})

test('holes stay holes', async () => {
  const folder = await unpacked([file('holes', Buffer.alloc(8 << 20))])
  const { size, blocks } = await stat(join(folder, 'holes'))
  expect(size).toBe(8 << 20)
  expect(blocks).toBeLessThan(64)
})

test.each<[string, readonly (readonly TarItem[])[], string[]]>([
  ['a whiteout', [[file('a'), file('b')], [whiteout('a')]], ['b']],
  ['a whiteout of a tree', [[dir('d'), file('d/x'), dir('d/e'), file('d/e/y')], [whiteout('d')]], []],
  [
    'an opaque directory',
    [
      [dir('d'), file('d/x')],
      [dir('d'), file('d/y'), opaque('d')],
    ],
    ['d', 'd/y'],
  ],
  [
    'whiteout, then new directory',
    [
      [dir('d'), file('d/x')],
      [whiteout('d'), dir('d'), file('d/y')],
    ],
    ['d', 'd/y'],
  ],
  [
    'new directory, then whiteout',
    [
      [dir('d'), file('d/x')],
      [dir('d'), file('d/y'), whiteout('d')],
    ],
    ['d', 'd/y'],
  ],
  ['a file over a directory', [[dir('d'), file('d/x')], [file('d')]], ['d']],
  ['a directory over a file', [[file('d')], [dir('d'), file('d/x')]], ['d', 'd/x']],
  ['a child over a file', [[file('d')], [file('d/x')]], ['d', 'd/x']],
  ['missing parents', [[file('a/b/c')]], ['a', 'a/b', 'a/b/c']],
  ['an empty layer', [[file('a')], []], ['a']],
  [
    'a symlinked parent is followed',
    [[dir('usr'), symlink('lib', 'usr')], [file('lib/x')]],
    ['lib', 'usr', 'usr/x'],
  ],
  ['an absolute one too', [[dir('usr'), symlink('lib', '/usr')], [file('lib/x')]], ['lib', 'usr', 'usr/x']],
  [
    'and one that points nowhere',
    [[symlink('lib', 'usr/lib')], [file('lib/x')]],
    ['lib', 'usr', 'usr/lib', 'usr/lib/x'],
  ],
  [
    'a whiteout through a symlink',
    [[dir('usr'), file('usr/x'), symlink('lib', 'usr')], [whiteout('lib/x')]],
    ['lib', 'usr'],
  ],
  ['a hardlink into a lower layer', [[file('a', 'x')], [hardlink('b', 'a')]], ['a', 'b']],
  ['a whiteout of what isn’t there', [[file('a')], [whiteout('b'), whiteout('c/d')]], ['a', 'c']],
  ['leading ./ and /', [[file('./a'), file('/b'), dir('./')]], ['a', 'b']],
  ['.. in a path', [[file('../a'), file('x/../b'), file('../../y/../../c/d')]], ['a', 'b', 'c', 'c/d']],
  ['.. in a hardlink', [[file('a'), hardlink('b', '../x/../a')]], ['a', 'b']],
  ['a whiteout of the longest name', [[file('n'.repeat(255))], [whiteout('n'.repeat(255))]], []],
])('%s', async (_, layers, expected) => {
  expect(paths(await unpacked(...layers))).toEqual(expected)
})

/** Symlinks, one to the next, the last of them to the folder above. */
const chainOut = (length: number): TarItem[] =>
  Array.from({ length }, (_, index) => symlink(`l${index}`, index + 1 < length ? `l${index + 1}` : '../..'))

const bomb = (item: TarItem) => [symlink('up', '..'), symlink('away', '/'), item]

test.each<[string, readonly (readonly TarItem[])[]]>([
  ['a symlink to the folder above', [[symlink('up', '../'), file('up/outside', 'changed')]]],
  ['in a later layer', [[symlink('up', '..')], [file('up/outside', 'changed')]]],
  ['a chain of them', [[symlink('a', 'b/..'), symlink('b', '../..'), file('a/outside', 'changed')]]],
  ['a file written through a symlink', [[symlink('f', '../outside')], [file('f', 'changed')]]],
  ['an absolute symlink', [[symlink('t', tmpdir())], [file('t/hs-escaped', 'changed')]]],
  ['a directory over a symlink', [[symlink('d', '..')], [dir('d'), file('d/outside', 'changed')]]],
  ['a whiteout through a symlink', [[symlink('up', '..')], [whiteout('up/outside')]]],
  ['an opaque marker through one', [[symlink('up', '..')], [opaque('up')]]],
  ['a path that climbs', [[file('../outside', 'changed'), file('a/../../outside', 'changed')]]],
  ['a whiteout that climbs', [[file('../.wh.outside')]]],
  ['a device through one', [[...bomb(device('up/outside', 1, 3))]]],
  ['times and modes through one', [[dir('d', { mode: 0o700 }), symlink('d', '..')]]],
])('nothing outside is touched by %s', async (_, layers) => {
  const before = await stat(base)
  await unpacked(...layers)
  expect(await readFile(join(base, 'outside'), 'utf8')).toBe('untouched')
  expect((await stat(base)).mode).toBe(before.mode)
  await expect(stat(join(tmpdir(), 'hs-escaped'))).rejects.toThrow('ENOENT')
})

test.each<[string, readonly (readonly TarItem[])[], RegExp]>([
  ['a hardlink out of the folder', [[hardlink('h', '../outside')]], /links to "outside", which isn't there/],
  ['a hardlink through a symlink', [[symlink('up', '..'), hardlink('h', 'up/outside')]], /which isn't there/],
  ['a hardlink to an absolute path', [[hardlink('h', join(tmpdir(), 'x'))]], /which isn't there/],
  ['a hardlink to a directory', [[dir('d'), hardlink('h', 'd')]], /hardlink to a directory/],
  ['a hardlink to nothing', [[hardlink('h', 'nothing')]], /which isn't there/],
  [
    'a chain of more symlinks than the kernel follows',
    [[...chainOut(60), file('l0/outside', 'changed')]],
    /too many symlinks/,
  ],
  ['symlinks in a circle', [[symlink('a', 'b'), symlink('b', 'a'), file('a/x')]], /too many symlinks/],
  ['a name longer than the file system takes', [[file('n'.repeat(300))]], /300 bytes; 255 is/],
  [
    'too many devices',
    [Array.from({ length: 10_001 }, (_, index) => device(`d${index}`, 1, 3))],
    /more than 10000 device/,
  ],
])('refuses %s', async (_, layers, why) => {
  await expect(unpacked(...layers)).rejects.toThrow(why)
})

test('refuses a layer whose content is not what the config says, and one that ends early', async () => {
  const tar = await tarOf([file('a', 'x'.repeat(5000))])
  const layer = layerOf(tar)
  const folder = join(base, 'wrong')
  await mkdir(folder)
  const wrong = { ...layer, diffId: digestOf('other') }
  await expect(unpackLayers({ layers: [wrong] }, folder)).rejects.toThrow(
    /unpacks to sha256:.*; the config says/,
  )
  await expect(unpackLayers({ layers: [layerOf(tar.subarray(0, 2000))] }, folder)).rejects.toThrow(
    /ends inside "a"/,
  )
})

test('an abort ends it', async () => {
  const folder = join(base, 'aborted')
  await mkdir(folder)
  const controller = new AbortController()
  controller.abort()
  const layers = [layerOf(await tarOf([file('a')]))]
  await expect(unpackLayers({ layers }, folder, { signal: controller.signal })).rejects.toThrow(/abort/i)
})

test('attributes that the file system refuses are one warning, and the rest is set', async () => {
  const folder = join(base, 'refused')
  await mkdir(folder)
  const warnings: string[] = []
  const big = 'x'.repeat(60_000)
  const tar = await tarOf([
    file('acl', '', { pax: { 'SCHILY.xattr.system.posix_acl_access': 'nonsense' } }),
    file('big', '', { pax: { 'SCHILY.xattr.user.big': big, 'SCHILY.xattr.user.small': 's' } }),
    file('strange\n\\name', '', { pax: { 'SCHILY.xattr.user.a=b': 'v' } }),
    file('good', '', { pax: { 'SCHILY.xattr.user.k': 'v' } }),
  ])
  await unpackLayers({ layers: [layerOf(tar)] }, folder, { onWarning: (text) => warnings.push(text) })
  expect(warnings).toEqual([
    expect.stringMatching(/^2 extended attributes were refused and are missing, the first: .*acl/),
  ])
  const dump = execFileSync('getfattr', ['-d', '-m', '-', 'big', 'good'], { cwd: folder, encoding: 'utf8' })
  expect(dump).toContain('user.small="s"')
  expect(dump).toContain('user.k="v"')
})

test('nodes and attributes of names with newlines, quotes and bytes of any kind', async () => {
  const name = 'a\n"b\\101\tü'
  const folder = await unpacked([
    dir('d'),
    { ...device(`d/${name}`, 1, 3), pax: { 'SCHILY.xattr.trusted.x': 'v' } },
    file(`d/f${name}`, '', { pax: { 'SCHILY.xattr.user.x': 'v' } }),
  ])
  expect((await readdir(join(folder, 'd'))).sort()).toEqual([name, `f${name}`])
  const dump = execFileSync('getfattr', ['-R', '-h', '-d', '-m', '-', '.'], { cwd: folder, encoding: 'utf8' })
  expect(dump.match(/="v"/g)).toHaveLength(2)
})

test('an owner or a time that the system has no number for', async () => {
  const early = { pax: { mtime: '-5' } }
  const late = await unpacked([file('f', '', early), dir('d', early)])
  for (const name of ['f', 'd']) expect((await stat(join(late, name))).mtimeMs).toBe(0)
  await expect(unpacked([file('f', '', { pax: { uid: String(2 ** 40) } })])).rejects.toMatchObject({
    code: 'E_UNPACK',
  })
})

test('thousands of opaque markers over one folder empty it once', async () => {
  const names = Array.from({ length: 2000 }, (_, index) => file(`d/f${index}`))
  const markers = Array.from({ length: 2000 }, () => opaque('d'))
  const folder = await unpacked([dir('d'), file('d/old')], [dir('d'), ...names, ...markers, file('d/last')])
  expect(paths(folder)).toHaveLength(2002)
  expect(paths(folder)).not.toContain('d/old')
})

test('paths as long as the system takes: made, linked to, replaced, and hidden again', async () => {
  const deep = (levels: number, name: string) => `${'d/'.repeat(levels)}${name}`
  const folder = await unpacked(
    [
      file(deep(2047, 'f'), 'first'),
      hardlink(deep(2047, 'h'), deep(2047, 'f')),
      symlink(deep(1000, 's'), 'd'),
      file(deep(500, 'kept'), 'kept'),
      dir(deep(1500, 'old')),
      file(deep(1500, 'old/x')),
    ],
    [
      file(`${deep(1000, 's')}/${'d/'.repeat(200)}through`, 'through'),
      file(deep(1500, 'old'), 'now a file'),
      dir(deep(1000, 's')),
      file(deep(1000, 's/inside'), 'inside'),
      whiteout(deep(1600, 'd')),
    ],
    [file(deep(1600, 'd'), 'the end')],
  )
  const files = execFileSync('find', ['.', '-type', 'f', '-size', '+0', '-printf', '%d %f\\n'], {
    cwd: folder,
    encoding: 'utf8',
  })
  expect(files.trim().split('\n').sort()).toEqual([
    '1002 inside',
    '1202 through',
    '1501 old',
    '1601 d',
    '501 kept',
  ])
  const last = execFileSync('sh', ['-c', `cat "$(find . -name through)"`], { cwd: folder, encoding: 'utf8' })
  expect(last).toBe('through')
})

test('what is told while it is unpacked: which layer, and the bytes of all of them', async () => {
  const folder = join(base, `root-${++count}`)
  await mkdir(folder)
  const same = layerOf(await tarOf([file('a', 'x'.repeat(9000))]))
  const layers = [same, layerOf(await tarOf([file('b', 'b')])), same]
  const total = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0)
  const told: UnpackProgress[] = []
  await unpackLayers({ layers }, folder, { onProgress: (progress) => told.push(progress) })
  expect(told.map(({ layer }) => layer)).toEqual([0, 1, 2])
  expect(told.map(({ done }) => done)).toEqual([same.descriptor.size, total - same.descriptor.size, total])
  expect(told.every((each) => each.layers === 3 && each.total === total)).toBe(true)
})
