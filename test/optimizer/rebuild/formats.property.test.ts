/** Random layers in every format: each unpacks to the same tree, or to the very same tar, verifies, and reads back through the format's own library. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decompress } from '../../../image/compression/decompress.ts'
import { digestOf } from '../../../image/digest.ts'
import { HeadstartError } from '../../../system/errors.ts'
import type { Judged } from '../../peers/oracle/oracle.ts'
import { cases, PATIENCE_MS } from '../../support/property.ts'
import { tarOfItems } from '../generated-tar.ts'
import { anyLayer, soundLayer } from '../generator.ts'
import { judgedBench, zoneOf } from '../judged-bench.ts'
import { faultsOf, type Result, streamOf, unpack } from '../layers.ts'
import { unpackModel } from '../unpack-model.ts'

const made = judgedBench()

const zones = fc.array(fc.nat(), { maxLength: 5 })
const chunkSizes = fc.constantFrom(512, 1000, 4096)
async function judged({ written, bytes }: Result, tar: Buffer, layer: Judged): Promise<string> {
  const name = join(made.bench.folder, 'judged')
  await writeFile(name, bytes)
  await writeFile(`${name}.tar`, tar)
  const { externalToc } = written
  if (externalToc) await writeFile(`${name}.toc`, externalToc.stored)
  const outside = externalToc && { externalToc: `${name}.toc` }
  return made.oracle.judge(name, written.tocDigest, `${name}.tar`, { ...layer, ...outside })
}

const unpacked = async (bytes: Buffer): Promise<Buffer> =>
  Buffer.concat(await (await decompress(streamOf(bytes))).stream.toArray())

describe.each(['zstd:chunked', 'zstd:chunked+podman', 'estargz+external-toc'] as const)('%s', (format) => {
  test(
    'any layer unpacks to the same tree, and verifies',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyLayer, zones, chunkSizes, async (items, picks, chunkSize) => {
          const tar = tarOfItems(items)
          const before = await unpack(tar)
          const result = await made.bench.convert(tar, zoneOf(picks, before), { chunkSize, format })
          expect(unpackModel(await unpack(result.bytes))).toEqual(unpackModel(before))
          expect(digestOf(result.bytes)).toBe(result.written.digest)
          expect(await faultsOf(result)).toEqual([])
        }),
        cases(150),
      )
    },
    PATIENCE_MS,
  )

  test(
    'the library reads back every sound layer, also one that stays whole',
    async () => {
      await fc.assert(
        fc.asyncProperty(soundLayer, zones, chunkSizes, async (items, picks, chunkSize) => {
          const tar = tarOfItems(items)
          const zone = zoneOf(picks, await unpack(tar))
          expect(await judged(await made.bench.convert(tar, zone, { chunkSize, format }), tar, {})).toBe('')
          // The old library finds no root where there is nothing; a sparse file is refused.
          if (items.length === 0 || items.some(({ kind }) => kind === 'sparse')) return
          const whole = await made.bench.keep(tar, { chunkSize, format })
          expect(await judged(whole, tar, { noLandmark: true })).toBe('')
        }),
        cases(100),
      )
    },
    PATIENCE_MS,
  )

  test(
    'any layer stays the very same tar, or is refused',
    async () => {
      let kept = 0
      await fc.assert(
        fc.asyncProperty(anyLayer, chunkSizes, async (items, chunkSize) => {
          const tar = tarOfItems(items)
          try {
            const whole = await made.bench.keep(tar, { chunkSize, format })
            expect((await unpacked(whole.bytes)).equals(tar)).toBe(true)
            expect(whole.written.diffId).toBe(digestOf(tar))
            expect(await faultsOf(whole)).toEqual([])
            kept++
          } catch (error) {
            if (!(error instanceof HeadstartError) || error.code !== 'E_DIFF_ID') throw error
          }
        }),
        cases(150),
      )
      expect(kept).toBeGreaterThan(10)
    },
    PATIENCE_MS,
  )
})
