/** Ranges ahead of files that a layer has in odd ways: under several names, replaced later, in several layers, with holes, or with nothing in them. */
import { randomFillSync } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyImage } from '../../../image/verify.ts'
import type { OptimizeOptions } from '../../../optimizer/options.ts'
import { writeImage } from '../../support/images.ts'
import { dir, file, hardlink, type TarItem, whiteout } from '../../support/tar.ts'
import { layersOf, optimize, read, testFolder, treeOf, withImage } from '../support.ts'

const KIB = 1024
const dense = (size: number) => randomFillSync(Buffer.alloc(size))
const ALWAYS: Partial<OptimizeOptions> = { split: 'always', level: 1 }

const inPart = (path: string, ...ranges: [number, number][]) => read(path, { ranges, size: 300 * KIB })

/** @returns of each layer what of it is ahead, by path; its tree is what it was, and it verifies */
async function splitImage(layers: readonly (readonly TarItem[])[], startup: ReturnType<typeof read>[]) {
  await using folder = await testFolder()
  const at = (name: string) => `oci:${join(folder.path, name)}:x`
  const from = await writeImage(join(folder.path, 'in'), { layers })
  const { plan } = await optimize(from, at('out'), startup, ALWAYS)
  const [before, after] = [
    await layersOf(from, join(folder.path, 'b')),
    await layersOf(at('out'), join(folder.path, 'a')),
  ]
  for (const [index, { tar }] of before.entries())
    expect(await treeOf(after[index]?.tar ?? '')).toEqual(await treeOf(tar))
  expect(await withImage(at('out'), (image) => verifyImage(image))).toEqual([])
  const again = await optimize(at('out'), at('again'), startup, ALWAYS)
  return { plan, again: again.layers.map(({ how }) => how) }
}

test('a file that only a link still has, since another took its name', async () => {
  const { plan, again } = await splitImage(
    [[file('a', dense(300 * KIB)), hardlink('b', 'a'), file('a', 'small')]],
    [inPart('b', [100 * KIB, 110 * KIB])],
  )
  expect(plan.decisions.map(({ path, placement }) => [path, placement])).toEqual([['b', 'ranges']])
  expect(again).toEqual(['reused'])
})

test('a file whose other name has to stand ahead whole', async () => {
  const { again } = await splitImage(
    [[dir('d/'), file('d/a', dense(300 * KIB)), hardlink('b', 'd/a'), file('c', dense(300 * KIB))]],
    [inPart('b', [0, 10 * KIB]), inPart('c', [299 * KIB, 300 * KIB])],
  )
  expect(again).toEqual(['reused'])
})

test('files that are empty, gone, or the same in several layers', async () => {
  const big = dense(300 * KIB)
  const { plan, again } = await splitImage(
    [
      [file('empty'), file('gone', big), file('twice', big)],
      [whiteout('gone'), file('twice', Buffer.concat([big, big])), hardlink('other', 'twice')],
    ],
    [
      inPart('empty', [0, 1]),
      inPart('gone', [0, 1]),
      { ...inPart('twice', [0, 1], [599 * KIB, 900 * KIB]), size: 600 * KIB },
      { ...inPart('other', [300 * KIB, 301 * KIB]), size: 600 * KIB },
    ],
  )
  expect(plan.missing).toEqual([{ path: 'gone', reason: 'absent' }])
  expect(plan.layers.map(({ hot }) => [...hot.keys()])).toEqual([[], ['twice']])
  expect(again).toEqual(['reused', 'reused'])
})

test('reads behind the end of a file that has become smaller', async () => {
  const { again } = await splitImage(
    [[file('a', dense(30 * KIB)), file('b', dense(300 * KIB))]],
    [inPart('a', [100 * KIB, 200 * KIB]), inPart('b', [290 * KIB, 400 * KIB], [500 * KIB, 600 * KIB])],
  )
  expect(again).toEqual(['reused'])
})

test('a layer that has a file by the name of an anchor has no ranges ahead', async () => {
  const { again } = await splitImage(
    [[file('.wh..wh.headstart.0', '\n'), file('a', dense(300 * KIB))], [file('.wh..wh.headstart.0', '\n')]],
    [inPart('a', [0, 10 * KIB])],
  )
  expect(again).toHaveLength(2)
})
