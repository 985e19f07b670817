/**
 * Random images in, random starts: layers over each other, stored in every way that a layer is, with links from one to another. The image
 * that comes out, with ranges ahead or without, has the same tree and verifies; and from it comes, for another start, an image that has it too.
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Image, Layer } from '../../../image/types.ts'
import { verifyImage } from '../../../image/verify.ts'
import type { SplitMode } from '../../../optimizer/options.ts'
import type { StartupFile } from '../../../optimizer/plan/startup.ts'
import { rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { readBounded } from '../../../system/files/read-bounded.ts'
import { createWorkspace, type Workspace } from '../../../system/workspace.ts'
import { type Oracle, startOracle } from '../../peers/oracle/oracle.ts'
import { cases, PATIENCE_MS } from '../../support/property.ts'
import { type GeneratedStart, imageOf, starts, startupOf, storedPlainly } from '../generated-image.ts'
import { tarOfItems } from '../generated-tar.ts'
import { anyImage, type Item, type Storage } from '../generator.ts'
import { type LayerBench, layerBench, layerOf, unpack } from '../layers.ts'
import { withImage } from '../support.ts'
import { type UnpackedFile, unpackImage } from '../unpack-model.ts'

let bench: LayerBench
let oracle: Oracle
let workspace: Workspace
beforeAll(async () => {
  bench = await layerBench()
  oracle = await startOracle()
  workspace = await createWorkspace(bench.folder)
})
afterAll(async () => {
  await workspace[Symbol.asyncDispose]()
  await oracle[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

/** What it can write. (Of a name that is no UTF-8 its table of contents says something else: such a layer must not be reused.) */
const isForLibrary = (items: readonly Item[]): boolean =>
  items.every(({ kind }) => !['sparse', 'global', 'hardlink'].includes(kind))

async function stored(items: readonly Item[], storage: Storage): Promise<Layer> {
  const tar = storage === 'no-bytes' ? Buffer.alloc(0) : tarOfItems(items)
  if (storage === 'ours') {
    const { bytes, written } = await bench.convert(tar, [], { chunkSize: 4096 })
    return layerOf(bytes, written)
  }
  if (storage === 'library' && isForLibrary(items)) {
    const name = join(bench.folder, 'library')
    await writeFile(`${name}.tar`, tar)
    const tocDigest = await oracle.build(`${name}.tar`, name, 4096, [])
    const bytes = await readFile(name)
    return layerOf(bytes, { digest: digestOf(bytes), diffId: digestOf(gunzipSync(bytes)), tocDigest })
  }
  return storedPlainly(tar, storage === 'gzip' || storage === 'zstd' ? storage : 'none')
}

async function rebuild(image: Image, to: string, start: Start): Promise<void> {
  await using target = await openTarget(to)
  await target.prepare({ force: true })
  const { startup, split } = start
  const options = { level: 1, chunkSize: 4096, minCoverage: undefined, split }
  await rebuildImage({ image, target, startup, options, workspace, pool: bench.pool })
}

interface Start {
  readonly startup: readonly StartupFile[]
  readonly split: SplitMode
}

async function filesOf({ layers }: Image): Promise<UnpackedFile[][]> {
  const files: UnpackedFile[][] = []
  for (const { open, descriptor } of layers)
    files.push(await unpack(await readBounded(await open(), descriptor.size, descriptor.digest)))
  return files
}

async function faultsOf(image: Image): Promise<string[]> {
  const problems = await verifyImage(image)
  return problems.map(({ message }) => message)
}

/** Of a file that has ten times what the generator gives it, some pages can be ahead. */
const scales = fc.constantFrom(1, 10)

test(
  'any image comes out as the same tree, and verifies; so does what is made of it for another start',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyImage, scales, starts, starts, async (spec, scale, first, second) => {
        const layers: Layer[] = []
        for (const { items, storage } of spec)
          layers.push(
            await stored(
              items.map((item) => ({ ...item, size: item.size * scale })),
              storage,
            ),
          )
        const image = imageOf(layers)
        const before = await filesOf(image)
        const tree = unpackImage(before)
        const entries = before.flat().map(({ entry }) => entry)
        const startOf = ({ reads, split }: GeneratedStart): Start => ({
          split,
          startup: startupOf(reads, entries),
        })
        const names = ['once', 'twice'].map((name) => `oci:${join(bench.folder, name)}:x`)
        const [once = '', twice = ''] = names
        try {
          await rebuild(image, once, startOf(first))
          await withImage(once, (result) => rebuild(result, twice, startOf(second)))
          for (const name of names)
            await withImage(name, async (result) => {
              expect(unpackImage(await filesOf(result))).toEqual(tree)
              expect(await faultsOf(result)).toEqual([])
            })
        } finally {
          for (const name of ['once', 'twice'])
            await rm(join(bench.folder, name), { recursive: true, force: true })
        }
      }),
      cases(80),
    )
  },
  PATIENCE_MS,
)
