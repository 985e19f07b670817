/** Random ranges of random layers ahead of the landmark: the tree stays the same, and every reader of the format reads every byte. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Oracle, startOracle } from '../../peers/oracle/oracle.ts'
import { cases, PATIENCE_MS } from '../../support/property.ts'
import { tarOfItems } from '../generated-tar.ts'
import { anyLayer, soundLayer } from '../generator.ts'
import { faultsOf, type LayerBench, layerBench, unpack } from '../layers.ts'
import { unpackModel } from '../unpack-model.ts'

let bench: LayerBench
let oracle: Oracle
beforeAll(async () => {
  bench = await layerBench()
  oracle = await startOracle()
})
afterAll(async () => {
  await oracle[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const zones = fc.array(fc.nat(), { maxLength: 3 })
const shares = fc.double({ min: 0, max: 1, noNaN: true })
const hotPicks = fc
  .array(fc.tuple(fc.nat(30), shares, shares), { minLength: 1, maxLength: 8 })
  .map((picks) =>
    picks
      .map(([file, a, b]) => [file, Math.min(a, b), Math.max(a, b)] as const)
      .toSorted(([, a], [, b]) => a - b),
  )
const chunkSizes = fc.constantFrom(512, 1000, 4096)

test(
  'any layer unpacks to the same tree, and verifies',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyLayer, zones, hotPicks, chunkSizes, async (items, picks, hot, chunkSize) => {
        const tar = tarOfItems(items)
        const before = await unpack(tar)
        const zone = picks.flatMap((pick) => before[pick % Math.max(1, before.length)]?.entry.path ?? [])
        const result = await bench.convert(tar, zone, { chunkSize, hot })
        expect(unpackModel(await unpack(result.bytes))).toEqual(unpackModel(before))
        expect(await faultsOf(result)).toEqual([])
      }),
      cases(300),
    )
  },
  PATIENCE_MS,
)

test(
  'the format’s own library reads every sound layer, chunk by chunk',
  async () => {
    const name = join(bench.folder, 'hot')
    await fc.assert(
      fc.asyncProperty(soundLayer, zones, hotPicks, chunkSizes, async (items, picks, hot, chunkSize) => {
        const tar = tarOfItems(items)
        await writeFile(`${name}.tar`, tar)
        const before = await unpack(tar)
        const zone = picks.flatMap((pick) => before[pick % Math.max(1, before.length)]?.entry.path ?? [])
        const { bytes, written } = await bench.convert(tar, zone, { chunkSize, hot })
        await writeFile(name, bytes)
        expect(await oracle.judge(name, written.tocDigest, `${name}.tar`)).toBe('')
      }),
      cases(300),
    )
  },
  PATIENCE_MS,
)

test(
  'a layer with ranges ahead is put into another order, with others ahead or none, and gives what its tar gives',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        anyLayer,
        fc.array(hotPicks, { minLength: 2, maxLength: 2 }),
        zones,
        async (items, [first = [], second = []], picks) => {
          const tar = tarOfItems(items)
          const before = await unpack(tar)
          const zone = picks.flatMap((pick) => before[pick % Math.max(1, before.length)]?.entry.path ?? [])
          const once = await bench.convert(tar, [], { chunkSize: 1000, hot: first })
          for (const hot of [first, second, []]) {
            const options = { chunkSize: 1000, hot }
            const twice = await bench.reorder(once.bytes, zone, options)
            if (twice === undefined) throw new Error('a layer of ours can always be copied')
            expect(unpackModel(await unpack(twice.bytes))).toEqual(unpackModel(before))
            expect(await faultsOf(twice)).toEqual([])
            const back = await bench.convert(zstdCompressSync(gunzipSync(twice.bytes)), zone, options)
            expect(back.written.digest).toBe(twice.written.digest)
          }
        },
      ),
      cases(150),
    )
  },
  PATIENCE_MS,
)
