/**
 * Layers with ranges ahead whose table of contents lies, with a digest that says it is the right one. What is rebuilt of them, by reusing, by copying members or
 * by compressing again, holds what their tar holds, and verifies; or there is an error of ours.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TOC_DIGEST_ANNOTATION, type TocEntry } from '../../../image/estargz/format/toc.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import { verifyImage } from '../../../image/verify.ts'
import { SPLIT_MODES } from '../../../optimizer/options.ts'
import { rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { createWorkspace, type Workspace } from '../../../system/workspace.ts'
import { dataOf, forged, tocOf } from '../../image/estargz/forged.ts'
import { Layout, OCI_LAYER } from '../../support/layout.ts'
import { cases, PATIENCE_MS } from '../../support/property.ts'
import { dir, file, hardlink, tarOf } from '../../support/tar.ts'
import { type LayerBench, layerBench, unpack } from '../layers.ts'
import { read } from '../support.ts'
import { unpackModel } from '../unpack-model.ts'

/** Doesn't compress, so that pages of it are worth a carrier. */
const big = Buffer.from(Array.from({ length: 40_000 }, (_, at) => Math.imul(at, 2_654_435_761) >>> 24))
/** Whole pages: what is planned is what is there. */
const RANGES: [number, number][] = [[0, 12_288]]

let bench: LayerBench
let workspace: Workspace
let split: Buffer = Buffer.alloc(0)
let toc: readonly TocEntry[] = []
let tree: ReadonlyMap<string, string>
beforeAll(async () => {
  bench = await layerBench()
  workspace = await createWorkspace(bench.folder)
  const items = [dir('d/'), file('d/big', big), file('d/other', big.subarray(1)), file('d/small', 'small')]
  const tar = await tarOf([...items, hardlink('d/link', 'd/big')])
  tree = unpackModel(await unpack(tar))
  const hot = RANGES.map(([start, end]) => [0, (start + 0.5) / big.length, (end + 0.5) / big.length] as const)
  split = (await bench.convert(tar, ['d/small'], { chunkSize: 8192, hot })).bytes
  toc = tocOf(split)
})
afterAll(async () => {
  await workspace[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const lie = fc.record({
  entry: fc.nat(),
  field: fc.constantFrom(
    'offset',
    'size',
    'chunkSize',
    'chunkOffset',
    'innerOffset',
    'mode',
    'name',
    'chunkDigest',
  ),
  /** another entry, whose value it takes; or how much is added to its own */
  from: fc.nat(),
  by: fc.oneof(fc.constantFrom(0, 1, -1, 26, 2 ** 31, 2 ** 40), fc.integer({ min: -5000, max: 5000 })),
})

type Lie = typeof lie extends fc.Arbitrary<infer T> ? T : never

function lyingToc(lies: readonly Lie[]): TocEntry[] {
  const entries = toc.map((entry) => ({ ...entry }))
  for (const { entry, field, from, by } of lies) {
    const [liar, other] = [entries[entry % entries.length], entries[from % entries.length]]
    if (liar === undefined || other === undefined) continue
    const value = other[field]
    const said = by !== 0 && typeof value !== 'string' ? (liar[field] ?? 0) : value
    Object.assign(liar, { [field]: typeof said === 'number' ? said + by : said })
  }
  return entries
}

const startup = fc.constantFrom(
  [read('d/big', { ranges: RANGES, size: big.length }), read('d/small', { ranges: [[0, 5]], size: 5 })],
  [read('d/link', { ranges: [[30_000, 30_001]], size: big.length })],
  [read('d/other', { ranges: [[0, 40_000]], size: big.length - 1 })],
)

test(
  'from a table of contents that lies come the files of the tar, or an error',
  async () => {
    const out = `oci:${join(bench.folder, 'out')}:x`
    await fc.assert(
      fc.asyncProperty(
        fc.array(lie, { minLength: 1, maxLength: 2 }),
        startup,
        fc.constantFrom(...SPLIT_MODES),
        async (lies, start, mode) => {
          const { bytes, tocDigest, diffId } = forged(dataOf(split), lyingToc(lies))
          const layout = new Layout(join(bench.folder, 'in'))
          const part = await layout.put(bytes, `${OCI_LAYER}+gzip`)
          const annotations = { [TOC_DIGEST_ANNOTATION]: tocDigest }
          const place = await layout.finish(await layout.image('amd64', [{ ...part, diffId, annotations }]))
          try {
            await using source = await openSource(place)
            await using target = await openTarget(out)
            await target.prepare({ force: true })
            await rebuildImage({
              image: await source.image(),
              target,
              startup: start,
              options: { split: mode, minCoverage: undefined },
              workspace,
              pool: bench.pool,
            })
          } catch (error) {
            if (!(error instanceof HeadstartError)) throw error
            expect(error.message).not.toContain('\n')
            return
          }
          await using made = await openSource(out)
          const image = await made.image()
          expect(await verifyImage(image)).toEqual([])
          const [layer] = image.layers
          const blob = join(bench.folder, 'out/blobs/sha256', layer?.descriptor.digest.slice(7) ?? '')
          expect(unpackModel(await unpack(await readFile(blob)))).toEqual(tree)
        },
      ),
      cases(150),
    )
  },
  PATIENCE_MS,
)
