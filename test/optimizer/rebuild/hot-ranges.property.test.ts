/** Random ranges of random layers ahead of the landmark: the tree stays the same, and every reader of the format reads every byte. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cases, PATIENCE_MS } from '../../support/property.ts'
import { tarOfItems } from '../generated-tar.ts'
import { anyLayer, soundLayer } from '../generator.ts'
import { judgedBench, zoneOf } from '../judged-bench.ts'
import { faultsOf, unpack } from '../layers.ts'
import { unpackModel } from '../unpack-model.ts'

const made = judgedBench()

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
        const zone = zoneOf(picks, before)
        const result = await made.bench.convert(tar, zone, { chunkSize, hot })
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
    const name = join(made.bench.folder, 'hot')
    await fc.assert(
      fc.asyncProperty(soundLayer, zones, hotPicks, chunkSizes, async (items, picks, hot, chunkSize) => {
        const tar = tarOfItems(items)
        await writeFile(`${name}.tar`, tar)
        const before = await unpack(tar)
        const zone = zoneOf(picks, before)
        const { bytes, written } = await made.bench.convert(tar, zone, { chunkSize, hot })
        await writeFile(name, bytes)
        expect(await made.oracle.judge(name, written.tocDigest, `${name}.tar`)).toBe('')
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
          const zone = zoneOf(picks, before)
          const once = await made.bench.convert(tar, [], { chunkSize: 1000, hot: first })
          for (const hot of [first, second, []]) {
            const options = { chunkSize: 1000, hot }
            const twice = await made.bench.reorder(once.bytes, zone, options)
            if (twice === undefined) throw new Error('a layer of ours can always be copied')
            expect(unpackModel(await unpack(twice.bytes))).toEqual(unpackModel(before))
            expect(await faultsOf(twice)).toEqual([])
            const back = await made.bench.convert(zstdCompressSync(gunzipSync(twice.bytes)), zone, options)
            expect(back.written.digest).toBe(twice.written.digest)
          }
        },
      ),
      cases(150),
    )
  },
  PATIENCE_MS,
)
