/**
 * Layers with random ranges ahead, read as a node of the stargz snapshotter reads them: prefetched, cached in the background until the registry can go, or
 * on demand, in pieces that no chunk ends with, forwards and backwards. HEADSTART_CASES=10 makes ten times as many.
 */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { tarOfItems } from '../optimizer/generated-tar.ts'
import { soundLayer } from '../optimizer/generator.ts'
import { type LayerBench, layerBench, unpack } from '../optimizer/layers.ts'
import { layersOf } from '../optimizer/support.ts'
import { cases } from '../support/property.ts'
import { dir, file, tarOf } from '../support/tar.ts'
import { type CachedLayer, readThroughCache } from './cacher/cacher.ts'
import { randomSplitImage } from './unpackers/random-image.ts'

const share = fc.double({ min: 0, max: 1, noNaN: true })
const anySplit = fc.record({
  items: soundLayer,
  zone: fc.array(fc.nat(), { maxLength: 3 }),
  hot: fc.array(fc.tuple(fc.nat(30), share, share), { minLength: 1, maxLength: 8 }),
  chunkSize: fc.constantFrom(512, 1000, 4096),
})

let bench: LayerBench
const layers: CachedLayer[] = []
beforeAll(async () => {
  bench = await layerBench()
  const { numRuns, seed = Date.now() } = cases(60)
  for (const [index, { items, zone, hot, chunkSize }] of fc.sample(anySplit, { numRuns, seed }).entries()) {
    const tar = tarOfItems(items)
    const paths = (await unpack(tar)).map(({ entry }) => entry.path)
    const first = zone.flatMap((pick) => paths[pick % Math.max(1, paths.length)] ?? [])
    const places = hot
      .map(([file, a, b]) => [file, Math.min(a, b), Math.max(a, b)] as const)
      .toSorted(([, a], [, b]) => a - b)
    const { bytes, written } = await bench.convert(tar, first, { chunkSize, hot: places })
    const name = join(bench.folder, `layer-${index}`)
    await writeFile(name, bytes)
    await writeFile(`${name}.tar`, tar)
    layers.push({ blob: name, tocDigest: written.tocDigest, tar: `${name}.tar` })
  }
  const { split } = await randomSplitImage(join(bench.folder, 'image'), 7)
  layers.push(...(await layersOf(split, join(bench.folder, 'layers'))))
}, BUILDING_MS)
afterAll(() => bench[Symbol.asyncDispose]())

test.each(peerSets)(
  'the snapshotter of %s reads every byte, whatever it has cached',
  async (set) => {
    expect(await readThroughCache(set, layers)).toMatch(/^\d{3,} files agree\n$/)
  },
  BUILDING_MS,
)

/** Debian's has no members that are shared by files, and caches nothing of a copy. */
test.each(peerSets)(
  'a prefetch alone has the ranges ahead in the cache: %s',
  async (set) => {
    const tar = await tarOf([dir('d/'), file('d/a', randomBytes(900_000)), file('b', randomBytes(300_000))])
    const hot = [
      [0, 0, 0.1],
      [0, 0.5, 0.7],
      [1, 0.9, 1],
    ] as const
    const { bytes, written } = await bench.convert(tar, [], { chunkSize: 100_000, hot })
    const name = join(bench.folder, `ahead-${set}`)
    await writeFile(name, bytes)
    const ahead = [
      { path: 'd/a', start: 1000, end: 90_000 },
      { path: 'd/a', start: 450_000, end: 630_000 },
      { path: 'b', start: 299_999, end: 300_000 },
    ]
    const layer = { blob: name, tocDigest: written.tocDigest, tar: '-', ahead }
    expect(await readThroughCache(set, [layer])).toBe(
      `${set === 'debian' ? 0 : 3} of 3 ranges are in the cache\n0 files agree\n`,
    )
  },
  BUILDING_MS,
)
