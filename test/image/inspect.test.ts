/** What `inspect` says about an eStargz image, and how little it reads for it. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyImage } from '../../image/copy.ts'
import { TOC_DIGEST_ANNOTATION } from '../../image/estargz/format/toc.ts'
import { inspectImage } from '../../image/inspect.ts'
import { OCI_LAYER_GZIP } from '../../image/media-types.ts'
import { hostPlatform } from '../../image/platform.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { Layout } from '../support/layout.ts'
import { dir, file, symlink, type TarItem, tarOf } from '../support/tar.ts'
import { writeInMemory } from './estargz/in-memory.ts'
import { startFaultProxy } from './registry/fault-proxy.ts'

let folder: string
let registry: TestRegistry

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-inspect-'))
  registry = await startRegistry()
  const layout = new Layout(join(folder, 'layout'))
  const layers = await Promise.all([
    estargzLayer(
      layout,
      [
        dir('bin/'),
        file('bin/late', randomBytes(900_000)),
        file('bin/start', randomBytes(50_000)),
        symlink('sh', 'bin/start'),
      ],
      ['bin/start'],
    ),
    estargzLayer(layout, [file('data', randomBytes(400_000))], []),
  ])
  await using source = await openSource(
    await layout.finish(await layout.image(hostPlatform().architecture, layers)),
  )
  await using target = await openTarget(`docker://${registry.host}/app:v1`)
  await target.prepare({ force: false })
  await copyImage(await source.image(), target)
})

async function estargzLayer(layout: Layout, items: readonly TarItem[], zone: readonly string[]) {
  const written = await writeInMemory(await tarOf(items), zone, { chunkSize: 4 << 20 })
  const part = await layout.put(written.bytes, OCI_LAYER_GZIP)
  const annotations = { [TOC_DIGEST_ANNOTATION]: written.tocDigest }
  return { ...part, diffId: written.diffId, annotations }
}

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

test('zones, tables of contents and offsets, from footers and tables alone', async () => {
  await using proxy = await startFaultProxy(registry.host, () => undefined)
  await using source = await openSource(`docker://${proxy.host}/app:v1`)
  const image = await source.image()
  const { layers, size } = await inspectImage(image, { files: true })
  expect(size).toBe(image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0))
  const [first, second] = layers
  expect(first?.estargz).toMatchObject({ annotated: true, landmark: 'prefetch', zoneFiles: 1, files: 2 })
  expect(second?.estargz).toMatchObject({
    annotated: true,
    landmark: 'no-prefetch',
    zoneBytes: 0,
    zoneFiles: 0,
    files: 1,
  })
  expect(first?.estargz?.zoneBytes).toBeGreaterThan(50_000)
  expect(first?.estargz?.zoneBytes).toBeLessThan(60_000)
  const inZone = first?.entries?.filter((entry) => entry.inZone).map(({ path }) => path)
  expect(inZone).toEqual(['bin/start'])
  const late = first?.entries?.find(({ path }) => path === 'bin/late')
  expect(late).toMatchObject({ type: 'reg', size: 900_000, chunks: 1, inZone: false })
  expect(late?.offset).toBeGreaterThan(first?.estargz?.zoneBytes ?? 0)
  const ranges = proxy.seen.flatMap(({ headers }) => headers.range ?? [])
  const bytes = ranges
    .map((range) => range.slice(6).split('-').map(Number))
    .reduce((sum, [a = 0, b = 0]) => sum + b - a + 1, 0)
  expect(ranges.length).toBeGreaterThan(1)
  expect(bytes).toBeLessThan(10_000)
})

test('a table of contents that is not the manifest’s is refused', async () => {
  await using source = await openSource(`docker://${registry.host}/app:v1`)
  const image = await source.image()
  const [layer] = image.layers
  if (!layer) throw new Error('no layer')
  const annotations = { [TOC_DIGEST_ANNOTATION]: `sha256:${'0'.repeat(64)}` }
  const wrong = { ...layer, descriptor: { ...layer.descriptor, annotations } }
  await expect(inspectImage({ ...image, layers: [wrong] })).rejects.toMatchObject({ code: 'E_DIGEST' })
})
