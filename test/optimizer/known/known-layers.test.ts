/** A layer that has not changed since an earlier rebuild is neither read nor compressed again, and comes out as it would have. */
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTarget } from '../../../image/targets.ts'
import type { Image, Layer } from '../../../image/types.ts'
import type { OptimizeOptions } from '../../../optimizer/options.ts'
import type { StartupFile } from '../../../optimizer/plan/startup.ts'
import { rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { openDiskCache } from '../../../system/cache/disk-cache.ts'
import { writeImage } from '../../support/images.ts'
import { dir, file, hardlink, type TarItem } from '../../support/tar.ts'
import { read, type TestFolder, testFolder, withImage } from '../support.ts'

const library = Buffer.alloc(900_000, 'what programs share ')
const base = [
  dir('lib/'),
  file('lib/c.so', library),
  file('lib/unused', 'never read'),
  file('lib/config', 'a'),
]
const startup = [
  read('lib/c.so', { ranges: [[0, 4096]], size: library.length }),
  read('lib/config', { ranges: [[0, 1]], size: 1 }),
  read('app/main', { ranges: [[0, 4]], size: 4 }),
]

let folder: TestFolder
beforeAll(async () => {
  folder = await testFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

let made = 0
const anImage = (...layers: readonly (readonly TarItem[])[]): Promise<string> =>
  writeImage(join(folder.path, `in-${made++}`), { layers })

const app = (content: string) => [dir('app/'), file('app/main', content)]

interface Given {
  /** what is done to the image */
  readonly changed?: (image: Image) => Image
  readonly start?: readonly StartupFile[]
  readonly options?: Partial<OptimizeOptions>
  /** false: nothing is remembered */
  readonly memory?: boolean
  readonly version?: string
  /** the layout that the image goes to */
  readonly to?: string
}

/** @returns what became of each layer, the image's digest, and which layers were read */
async function rebuilt(from: string, given: Given = {}) {
  const {
    start = startup,
    options,
    memory = true,
    version = '1',
    to = 'out',
    changed = (same) => same,
  } = given
  const cache = await openDiskCache({ folder: join(folder.path, 'cache'), bytes: 1 << 30 })
  const readLayers = new Set<number>()
  const watched = (image: Image): Image => ({
    ...image,
    layers: image.layers.map((layer, index) => ({
      ...layer,
      open: (...args) => {
        readLayers.add(index)
        return layer.open(...args)
      },
    })),
  })
  try {
    return await withImage(from, async (image) => {
      await using target = await openTarget(`oci:${join(folder.path, to)}:x`)
      await target.prepare({ force: true })
      const { layers, manifest } = await rebuildImage({
        image: changed(watched(image)),
        target,
        startup: start,
        options: { threads: 2, ...options },
        ...(memory && { memory: { cache, version } }),
      })
      return { how: layers.map(({ how }) => how), digest: manifest.digest, read: [...readLayers].toSorted() }
    })
  } finally {
    await cache.close()
  }
}

const [CONVERTED, UNCHANGED] = ['converted', 'unchanged']

async function recordsIn(ending: string): Promise<string[]> {
  const names = await readdir(join(folder.path, 'cache'), { recursive: true })
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder.path, 'cache', name))
}

test('a new build is made of what was made of its base, which is not read', async () => {
  const [first, second] = [await anImage(base, app('1st')), await anImage(base, app('2nd!'))]
  expect(await rebuilt(first)).toMatchObject({ how: [CONVERTED, CONVERTED], read: [0, 1] })
  const again = await rebuilt(second)
  expect(again).toMatchObject({ how: [UNCHANGED, CONVERTED], read: [1] })
  expect(await rebuilt(second)).toEqual({ how: [UNCHANGED, UNCHANGED], digest: again.digest, read: [] })
  const fresh = await rebuilt(second, { memory: false, to: 'fresh' })
  expect(fresh).toEqual({ how: [CONVERTED, CONVERTED], digest: again.digest, read: [0, 1] })
})

test('a target that has not what was made gets it', async () => {
  const image = await anImage(base, app('else'))
  const { digest } = await rebuilt(image)
  expect(await rebuilt(image, { to: 'other' })).toEqual({
    how: [CONVERTED, CONVERTED],
    digest,
    read: [0, 1],
  })
})

test('a damaged blob in the target is no layer of the image', async () => {
  const image = await anImage(base, app('hurt'))
  const { digest } = await rebuilt(image, { to: 'damaged' })
  const blobs = join(folder.path, 'damaged/blobs/sha256')
  for (const name of await readdir(blobs)) await writeFile(join(blobs, name), 'damaged')
  expect(await rebuilt(image, { to: 'damaged' })).toMatchObject({ how: [CONVERTED, CONVERTED], digest })
})

test.each<[string, Given]>([
  ['another start', { start: startup.slice(0, 1) }],
  ['another version', { version: '2' }],
  ['another level', { options: { level: 1 } }],
  ['another format', { options: { format: 'zstd:chunked' } }],
  ['smaller chunks', { options: { chunkSize: 100_000 } }],
  ['ranges ahead', { options: { split: 'always' } }],
])('%s makes other layers', async (_name, given) => {
  const image = await anImage(base, app('1st'))
  await rebuilt(image)
  const { how, digest } = await rebuilt(image, given)
  expect(how[0]).toBe(CONVERTED)
  expect((await rebuilt(image, given)).how).toEqual([UNCHANGED, UNCHANGED])
  expect((await rebuilt(image, { ...given, memory: false, to: 'fresh' })).digest).toBe(digest)
})

test('an upper layer that hides a file of the start changes what is made of the base', async () => {
  await rebuilt(await anImage(base, app('1st')))
  const hiding = await anImage(base, [...app('1st'), dir('lib/'), file('lib/config', 'b')])
  const { how, digest } = await rebuilt(hiding)
  expect(how).toEqual([CONVERTED, CONVERTED])
  expect((await rebuilt(hiding, { memory: false, to: 'fresh' })).digest).toBe(digest)
})

test('a link into a layer that was not read is made of the layer itself', async () => {
  await rebuilt(await anImage(base, app('1st')))
  const linked = await anImage(base, [...app('1st'), hardlink('app/copy', 'lib/c.so')])
  const { how, digest } = await rebuilt(linked)
  expect(how).toEqual([UNCHANGED, CONVERTED])
  // What its layer is made of depends on the one below: it is not remembered.
  expect((await rebuilt(linked)).how).toEqual([UNCHANGED, CONVERTED])
  expect((await rebuilt(linked, { memory: false, to: 'fresh' })).digest).toBe(digest)
})

test('a layer whose size is not what the manifest says is not one that is known', async () => {
  const image = await anImage(base, app('1st'))
  await rebuilt(image)
  const lie = ({ descriptor, ...layer }: Layer): Layer => ({
    ...layer,
    descriptor: { ...descriptor, size: descriptor.size - 1 },
  })
  const changed = (true_: Image): Image => ({ ...true_, layers: true_.layers.map(lie) })
  expect(await rebuilt(image, { changed })).toMatchObject({ how: [CONVERTED, CONVERTED], read: [0, 1] })
})

test('a link into a lower layer that a directory replaces is no link into another one, which has no such file', async () => {
  const upper = [hardlink('lib/linked', 'lib/c.so'), dir('lib/linked/'), ...app('1st')]
  await rebuilt(await anImage(base, upper))
  const without = await anImage([dir('lib/'), file('lib/config', 'a')], upper)
  await expect(rebuilt(without)).rejects.toMatchObject({ code: 'E_TAR' })
})

test.each(['.entries', '.made'])('a damaged record %s is made again', async (ending) => {
  const image = await anImage(base, app('1st'))
  const { digest } = await rebuilt(image)
  const records = await recordsIn(ending)
  expect(records.length).toBeGreaterThan(0)
  for (const record of records) await writeFile(record, 'damaged')
  expect(await rebuilt(image)).toMatchObject({ how: [CONVERTED, CONVERTED], digest })
  expect(await rebuilt(image)).toEqual({ how: [UNCHANGED, UNCHANGED], digest, read: [] })
})

test('layers that must be sent with more than themselves are not remembered', async () => {
  await rm(join(folder.path, 'cache'), { recursive: true })
  const image = await anImage(base, app('1st'))
  const options = { format: 'zstd:chunked', keepDiffId: true } as const
  await rebuilt(image, { options, start: [] })
  expect(await recordsIn('.made')).toEqual([])
})
