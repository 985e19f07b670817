/** Random layers in, random zones: the layer that comes out unpacks to the same tree, verifies, and reads back through the library. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { END_OF_TAR, encodeHeader, NOBODY } from '../../../image/tar/encode.ts'
import { cases, PATIENCE_MS } from '../../support/property.ts'
import { tarOfItems } from '../generated-tar.ts'
import { anyLayer, soundLayer } from '../generator.ts'
import { judgedBench, zoneOf } from '../judged-bench.ts'
import { faultsOf, unpack } from '../layers.ts'
import { unpackModel } from '../unpack-model.ts'

const made = judgedBench()

const zones = fc.array(fc.nat(), { maxLength: 5 })
const sizes = fc.record({
  chunkSize: fc.constantFrom(512, 1000, 4096),
  minChunkSize: fc.constantFrom(0, 0, 2000),
})

test(
  'any layer unpacks to the same tree, and verifies',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyLayer, zones, sizes, async (items, picks, options) => {
        const tar = tarOfItems(items)
        const before = await unpack(tar)
        const result = await made.bench.convert(tar, zoneOf(picks, before), options)
        expect(unpackModel(await unpack(result.bytes))).toEqual(unpackModel(before))
        expect(digestOf(result.bytes)).toBe(result.written.digest)
        expect(await faultsOf(result)).toEqual([])
      }),
      cases(300),
    )
  },
  PATIENCE_MS,
)

test(
  'any layer of ours can be put into any other order, and gives what the tar itself gives',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        anyLayer,
        zones,
        zones,
        fc.constantFrom(512, 1000),
        async (items, first, second, chunkSize) => {
          const tar = tarOfItems(items)
          const before = await unpack(tar)
          const once = await made.bench.convert(tar, zoneOf(first, before), { chunkSize })
          const zone = zoneOf(second, before)
          const twice = await made.bench.reorder(once.bytes, zone)
          if (twice === undefined) throw new Error('a layer of ours can always be copied')
          expect(unpackModel(await unpack(twice.bytes))).toEqual(unpackModel(before))
          const back = await made.bench.convert(zstdCompressSync(gunzipSync(twice.bytes)), zone, {
            chunkSize,
          })
          expect(back.written.digest).toBe(twice.written.digest)
          expect(await faultsOf(twice)).toEqual([])
        },
      ),
      cases(170),
    )
  },
  PATIENCE_MS,
)

test('a file that claims more than the disk has fails at once, by its name', async () => {
  const records: [string, string][] = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', 'var/log/lastlog'],
    ['GNU.sparse.realsize', String(2 ** 43)],
  ]
  const header = encodeHeader({ ...NOBODY, mode: 0o644, name: 'x', size: 512, flag: '0' }, records)
  const map = Buffer.alloc(512)
  map.write('0\n')
  const attempt = made.bench.convert(Buffer.concat([header, map, END_OF_TAR]), [], { chunkSize: 4096 })
  await expect(attempt).rejects.toMatchObject({
    code: 'E_DISK_FULL',
    message: expect.stringContaining('var/log/lastlog'),
  })
})

test(
  'the library reads back every sound layer; a layer that it wrote comes out right in another order',
  async () => {
    const name = join(made.bench.folder, 'sound')
    await fc.assert(
      fc.asyncProperty(
        soundLayer,
        zones,
        fc.constantFrom(512, 1000, 4096),
        async (items, picks, chunkSize) => {
          const tar = tarOfItems(items)
          await writeFile(`${name}.tar`, tar)
          const before = await unpack(tar)
          const zone = zoneOf(picks, before)
          const ours = await made.bench.convert(tar, zone, { chunkSize })
          await writeFile(name, ours.bytes)
          expect(await made.oracle.judge(name, ours.written.tocDigest, `${name}.tar`)).toBe('')
          if (items.some(({ kind }) => kind === 'sparse')) return // it refuses them, or writes the wrong bytes
          const tocDigest = await made.oracle.build(`${name}.tar`, name, chunkSize, [])
          const theirs = await readFile(name)
          const again = await made.bench.reorder(theirs, zone, { tocDigest })
          if (again === undefined) throw new Error('a layer without global records can be copied')
          expect(unpackModel(await unpack(again.bytes))).toEqual(unpackModel(await unpack(theirs)))
          expect(await faultsOf(again)).toEqual([])
        },
      ),
      cases(150),
    )
    await rm(name)
  },
  PATIENCE_MS,
)
