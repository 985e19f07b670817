/**
 * Random images, of which the upper layers change, for random starts: what is rebuilt with what earlier rebuilds remembered is what is rebuilt
 * without, byte for byte.
 */
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTarget } from '../../../image/targets.ts'
import type { Image } from '../../../image/types.ts'
import type { StartupFile } from '../../../optimizer/plan/startup.ts'
import { type RebuildRequest, type RebuildSummary, rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { type DiskCache, openDiskCache } from '../../../system/cache/disk-cache.ts'
import { codeOf } from '../../../system/errors.ts'
import { cases, PATIENCE_MS } from '../../support/property.ts'
import { imageOf, starts, startupOf, storedPlainly } from '../generated-image.ts'
import { tarOfItems } from '../generated-tar.ts'
import { anyImage } from '../generator.ts'
import { type LayerBench, layerBench, unpack } from '../layers.ts'

let bench: LayerBench
let cache: DiskCache
beforeAll(async () => {
  bench = await layerBench()
  cache = await openDiskCache({ folder: join(bench.folder, 'cache'), bytes: 1 << 30 })
})
afterAll(async () => {
  await cache.close()
  await bench[Symbol.asyncDispose]()
})

type Rebuild = Pick<RebuildRequest, 'memory' | 'options'> & { readonly startup: readonly StartupFile[] }

async function rebuild(image: Image, to: string, choices: Rebuild): Promise<RebuildSummary | string> {
  await using target = await openTarget(`oci:${join(bench.folder, to)}:x`)
  await target.prepare({ force: true })
  try {
    return await rebuildImage({ image, target, pool: bench.pool, ...choices })
  } catch (error) {
    return String(codeOf(error))
  }
}

/** All but what the target had. */
const outcomeOf = (summary: RebuildSummary | string) =>
  typeof summary === 'string'
    ? summary
    : {
        ...summary,
        layers: summary.layers.map(({ how: _, existed: __, ...layer }) => layer),
      }

const formats = fc.constantFrom(
  { format: 'estargz' as const, minChunkSize: 0 },
  { format: 'estargz' as const, minChunkSize: 2000 },
  { format: 'zstd:chunked' as const, minChunkSize: 0 },
)

test(
  'an image is the same, whatever is remembered of its layers',
  async () => {
    let unchanged = 0
    await fc.assert(
      fc.asyncProperty(
        anyImage,
        anyImage,
        starts,
        formats,
        async (first, second, { reads, split }, format) => {
          const [before, after] = [first, [...first.slice(0, 1), ...second]].map((specs) =>
            imageOf(
              specs.map(({ items, storage }) =>
                storedPlainly(tarOfItems(items), storage === 'gzip' || storage === 'zstd' ? storage : 'none'),
              ),
            ),
          )
          if (!before || !after) throw new Error('an image was lost')
          const content = await Promise.all(
            first.map(({ items }) => unpack(tarOfItems(items)).catch(() => [])),
          )
          const startup = startupOf(
            reads,
            content.flat().map(({ entry }) => entry),
          )
          const options = {
            ...format,
            level: 1,
            chunkSize: 4096,
            minCoverage: undefined,
            split: format.format === 'estargz' ? split : ('off' as const),
          }
          const memory = { cache, version: '1' }
          await rebuild(before, 'with', { startup, options, memory })
          const withMemory = await rebuild(after, 'with', { startup, options, memory })
          const without = await rebuild(after, 'without', { startup, options })
          expect(outcomeOf(withMemory)).toEqual(outcomeOf(without))
          if (typeof withMemory !== 'string')
            unchanged += withMemory.layers.filter(({ how }) => how === 'unchanged').length
        },
      ),
      cases(40),
    )
    expect(unchanged).toBeGreaterThan(10)
  },
  PATIENCE_MS,
)
