/**
 * Damaged layers put into another order. Members are copied, so a fault could be passed on: what comes out must hold the files that went in,
 * whichever of the two writers made the layer, with ranges ahead or without, or nothing comes out.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { END_OF_TAR, plainFileHeader } from '../../../image/tar/encode.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { startOracle } from '../../peers/oracle/oracle.ts'
import { damage, damaged } from '../../support/damage.ts'
import { cases, PATIENCE_MS } from '../../support/property.ts'
import { dir, file, hardlink, symlink, tarOf } from '../../support/tar.ts'
import { faultsOf, type LayerBench, layerBench, unpack } from '../layers.ts'
import { unpackModel } from '../unpack-model.ts'

interface Source {
  readonly bytes: Buffer
  readonly tocDigest: string
}

let bench: LayerBench
let tree: ReadonlyMap<string, string>
const sources: Source[] = []
beforeAll(async () => {
  bench = await layerBench()
  const big = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * index) & 0xff))
  const files = [file('d/big', big), file('d/small', 'small'), file('d/other', 'other content')]
  const tar = await tarOf([dir('d/'), ...files, hardlink('d/h', 'd/small'), symlink('d/s', 'small')])
  tree = unpackModel(await unpack(tar))
  const { bytes, written } = await bench.convert(tar, ['d/small'], { chunkSize: 6000 })
  const name = join(bench.folder, 'library')
  await writeFile(`${name}.tar`, tar)
  await using oracle = await startOracle()
  const tocDigest = await oracle.build(`${name}.tar`, name, 6000, ['d/small'])
  const hot = [
    [0, 0, 0.2],
    [0, 0.5, 0.7],
    [1, 0, 1],
  ] as const
  const split = await bench.convert(tar, [], { chunkSize: 6000, hot })
  sources.push(
    { bytes, tocDigest: written.tocDigest },
    { bytes: await readFile(name), tocDigest },
    { bytes: split.bytes, tocDigest: split.written.tocDigest },
  )
})
afterAll(() => bench[Symbol.asyncDispose]())

test('from a layer without damage come the right files', async () => {
  for (const { bytes, tocDigest } of sources) {
    const result = await bench.reorder(bytes, ['d/big', 'd/h'], { tocDigest })
    expect(result && unpackModel(await unpack(result.bytes))).toEqual(tree)
  }
})

test('with very many empty files in a row it is left to be converted', async () => {
  const headers = Array.from({ length: 33_000 }, (_, at) => plainFileHeader(`f${at}`, 0))
  const tar = Buffer.concat([plainFileHeader('first', 512), Buffer.alloc(512, 'x'), ...headers, END_OF_TAR])
  const { bytes, written } = await bench.convert(tar, [], { chunkSize: 6000 })
  expect(await bench.reorder(bytes, ['first'], { tocDigest: written.tocDigest })).toBeUndefined()
})

test(
  'from a damaged layer come the right files, or an error',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 1, 2),
        fc.array(damage, { minLength: 1, maxLength: 2 }),
        async (which, damages) => {
          const { bytes, tocDigest } = sources[which] ?? { bytes: Buffer.alloc(0), tocDigest: '' }
          try {
            const result = await bench.reorder(damages.reduce(damaged, bytes), ['d/big', 'd/h'], {
              tocDigest,
            })
            if (result === undefined) return
            expect(unpackModel(await unpack(result.bytes))).toEqual(tree)
            expect(await faultsOf(result)).toEqual([])
          } catch (error) {
            if (!(error instanceof HeadstartError)) throw error
          }
        },
      ),
      cases(700),
    )
  },
  PATIENCE_MS,
)
