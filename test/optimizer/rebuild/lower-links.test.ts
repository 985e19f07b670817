/** Hardlinks in rings, to themselves, to folders, to what is replaced: refused where Docker refuses them, else the same tree by name and by order. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyImage } from '../../../image/verify.ts'
import { changesOfLinks } from '../../../optimizer/rebuild/hardlinks.ts'
import { buildOracle, judge } from '../../peers/oracle/oracle.ts'
import { writeImage } from '../../support/images.ts'
import { dockerLoad } from '../../support/load.ts'
import { dir, file, hardlink, symlink, type TarItem } from '../../support/tar.ts'
import { layersOf, optimize, read, type TestFolder, testFolder, treeOf, withImage } from '../support.ts'

let folder: TestFolder
beforeAll(async () => {
  folder = await testFolder()
  await buildOracle()
})
afterAll(() => folder[Symbol.asyncDispose]())

const x = file('x', 'content')
const refused: [string, TarItem[][], RegExp][] = [
  ['itself', [[x, hardlink('a', 'a')]], /"a" is a hardlink to "a", which is itself/],
  ['itself, spelled otherwise', [[x, hardlink('a', './/a')]], /which is itself/],
  ['itself, that was a file before', [[file('a', '1'), hardlink('a', 'a')]], /which is itself/],
  ['itself, that a lower layer has', [[file('a', '1')], [hardlink('a', 'a')]], /which is itself/],
  [
    'a ring of two',
    [[x, hardlink('a', 'b'), hardlink('b', 'a')]],
    /"a" is a hardlink to "b", which does not exist/,
  ],
  ['a ring of three', [[hardlink('a', 'b'), hardlink('b', 'c'), hardlink('c', 'a')]], /does not exist/],
  ['the root', [[x, hardlink('a', './')]], /which is the root/],
  ['a folder', [[dir('d/'), hardlink('a', 'd')]], /which is a directory/],
  ['a folder without an entry', [[file('d/x', '1'), hardlink('a', 'd')]], /which does not exist/],
  ['a folder of a lower layer', [[dir('d/')], [hardlink('a', 'd')]], /which is a directory/],
  ['nothing', [[x, hardlink('a', 'none')]], /"a" is a hardlink to "none", which does not exist/],
  ['what is below it', [[x, hardlink('a', 'a/b')]], /which does not exist/],
  [
    'what a file buried',
    [[dir('d/'), file('d/x', '1'), file('d', '2'), hardlink('a', 'd/x')]],
    /does not exist/,
  ],
]
test.each(refused)('a hardlink to %s is refused, as Docker refuses it', async (name, layers, message) => {
  const from = await writeImage(join(folder.path, name), { layers })
  const to = `oci:${join(folder.path, name)}-out:x`
  await expect(optimize(from, to, [read('a')])).rejects.toMatchObject({
    code: 'E_TAR',
    message: expect.stringMatching(message),
  })
  expect(await dockerLoad(from)).not.toBe('')
})

const mended: [string, TarItem[]][] = [
  ['chain', [x, hardlink('a', 'x'), hardlink('b', 'a'), hardlink('c', 'b')]],
  ['file that is replaced', [x, hardlink('a', 'x'), hardlink('b', 'a'), file('x', 'other')]],
  ['link that takes its target’s place', [x, hardlink('a', 'x'), hardlink('x', 'a')]],
  ['link through a name that is replaced', [x, hardlink('a', 'x'), hardlink('b', 'a'), file('a', 'other')]],
  [
    'file that a folder buries',
    [x, hardlink('a', 'x'), hardlink('b', 'a'), file('y', '1'), hardlink('x', 'y')],
  ],
  ['symlink', [symlink('s', 'nowhere'), hardlink('a', 's'), file('s', 'other')]],
]
test.each(mended)('hardlinks to a %s mean the same file to all', async (name, items) => {
  const from = await writeImage(join(folder.path, name), { layers: [items] })
  const to = `oci:${join(folder.path, name)}-out:x`
  await optimize(from, to, [read('a')])
  expect(await withImage(to, (image) => verifyImage(image))).toEqual([])
  const [before] = await layersOf(from, join(folder.path, `${name}-before`))
  const [after] = await layersOf(to, join(folder.path, `${name}-after`))
  if (!before || !after) throw new Error('no layer')
  expect(await treeOf(after.tar)).toEqual(await treeOf(before.tar))
  expect(await judge(after.blob, after.tocDigest, after.tar)).toBe('')
  expect(await dockerLoad(to)).toBe('')
})

test('two links that mean each other’s file of a lower layer get both', async () => {
  const from = await writeImage(join(folder.path, 'swap'), {
    layers: [
      [file('a', 'of a'), file('b', 'of b')],
      [hardlink('a', 'b'), hardlink('b', 'a'), file('y', 'y')],
    ],
  })
  const to = `oci:${join(folder.path, 'swap-out')}:x`
  await optimize(from, to, [])
  expect(await withImage(to, (image) => verifyImage(image))).toEqual([])
  const [, layer] = await layersOf(to, join(folder.path, 'swap-layers'))
  const tree = await treeOf(layer?.tar ?? '')
  expect(tree).toContain('a = b')
  expect(await judge(layer?.blob ?? '', layer?.tocDigest ?? '', layer?.tar ?? '')).toBe('')
  expect(await dockerLoad(to)).toBe('')
})

test('a link before its file, which only lazy runtimes understand, comes behind it', async () => {
  const from = await writeImage(join(folder.path, 'late'), {
    layers: [[hardlink('c', 'b'), hardlink('b', 'a'), file('a', 'content'), file('y', 'y')]],
  })
  expect(await dockerLoad(from)).not.toBe('')
  const to = `oci:${join(folder.path, 'late-out')}:x`
  await optimize(from, to, [read('c')])
  expect(await withImage(to, (image) => verifyImage(image))).toEqual([])
  expect(await dockerLoad(to)).toBe('')
})

const links = (count: number, from: (index: number) => number) =>
  Array.from({ length: count }, (_, index) => ({
    path: `l${index}`,
    type: 'hardlink',
    linkPath: `l${from(index)}`,
  }))

test('chains of any length, in either direction, are followed once', async () => {
  const below = { find: () => undefined, isKnown: true }
  const first = { path: 'l-1', type: 'reg' }
  const chain = [first, ...links(100_000, (index) => index - 1)]
  expect(changesOfLinks(chain, 0, below, 'layer').copies.size).toBe(0)
  const reversed = changesOfLinks([...chain].reverse(), 0, below, 'layer')
  expect([reversed.late.size, reversed.copies.size]).toEqual([100_000, 0])
  const ring = links(100_000, (index) => (index + 1) % 100_000)
  expect(() => changesOfLinks(ring, 0, below, 'layer')).toThrow(/"l0" is a hardlink to "l1"/)
})

test('below a layer that can’t be read a link may lead anywhere, but not in a ring', () => {
  const below = { find: () => undefined, isKnown: false }
  const lost = { path: 'a', type: 'hardlink', linkPath: 'below' }
  expect(changesOfLinks([lost], 1, below, 'layer').late.size).toBe(0)
  const ring = [
    { path: 'a', type: 'hardlink', linkPath: 'b' },
    { path: 'b', type: 'hardlink', linkPath: 'a' },
  ]
  expect(() => changesOfLinks(ring, 1, below, 'layer')).toThrow(/does not exist/)
})
