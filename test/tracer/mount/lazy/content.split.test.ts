/** A file with ranges ahead, read through a mount: ranges from the zone, the rest on demand, and nothing twice. Counted at the registry. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serveImages } from '../../../../image/serve.ts'
import { openSource } from '../../../../image/sources.ts'
import { lazyTree } from '../../../../tracer/mount/lazy/tree.ts'
import { mountFileSystem } from '../../../../tracer/mount/mount.ts'
import { startFaultProxy } from '../../../image/registry/fault-proxy.ts'
import { writeImage } from '../../../support/images.ts'
import { optimized, startFile } from '../../../support/optimized.ts'
import { file } from '../../../support/tar.ts'
import { tempFolder } from '../../../support/temp.ts'

const KIB = 1024
/** Neither compresses. */
const contents = { f: randomBytes(600 * KIB), g: randomBytes(300 * KIB) }
const hot = {
  f: [
    [4 * KIB, 304 * KIB],
    [400 * KIB, 500 * KIB],
  ],
  g: [[0, 4 * KIB]],
} as const
const HOT_BYTES = 404 * KIB
const COLD_BYTES = 900 * KIB - HOT_BYTES

/** [start, end) of each range that was asked for. */
const rangesOf = (seen: readonly { headers: { range?: string | undefined } }[]): [number, number][] =>
  seen.flatMap(({ headers }) => {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    return end === undefined ? [] : [[Number(start), Number(end) + 1]]
  })

const sum = (ranges: readonly [number, number][]) =>
  ranges.reduce((all, [start, end]) => all + end - start, 0)

test('a chunk on demand is fetched without the copies of those ahead that follow it', async () => {
  await using temp = await tempFolder()
  const from = await writeImage(await temp.sub('image'), {
    layers: [Object.entries(contents).map(([name, content]) => file(name, content))],
  })
  const split = `oci:${temp.path}/split:x`
  await optimized(from, split, {
    startup: [
      { ...startFile('f'), ranges: hot.f, size: contents.f.length },
      { ...startFile('g'), ranges: hot.g, size: contents.g.length },
    ],
    options: { split: 'always', level: 1 },
  })
  await using source = await openSource(split)
  await using server = await serveImages({ 'team/app:v1': await source.image() })
  await using proxy = await startFaultProxy(server.host, () => undefined)
  await using mount = await mountFileSystem({
    mountPoint: await temp.sub('mount'),
    tree: {
      ...lazyTree({ reference: `docker://${proxy.host}/team/app:v1`, prefetch: 'zone', insecure: true }),
      cacheFolder: await temp.sub('cache'),
    },
    record: false,
  })
  const { prefetch } = await mount.counters()
  expect(prefetch.requests).toBe(1)
  expect(prefetch.bytes).toBeLessThan(HOT_BYTES + 4 * KIB)
  const before = proxy.seen.length
  for (const [name, content] of Object.entries(contents))
    expect((await readFile(join(mount.folder, name))).equals(content)).toBe(true)
  const onDemand = rangesOf(proxy.seen.slice(before))
  expect(sum(onDemand)).toBeGreaterThan(COLD_BYTES)
  expect(sum(onDemand)).toBeLessThan(COLD_BYTES + 4 * KIB)
})
