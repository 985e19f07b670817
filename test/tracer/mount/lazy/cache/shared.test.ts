/** Mounts that share a cache: what one fetched the next does not ask for, whatever became of the files in between. */
import { randomBytes } from 'node:crypto'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { digestOf } from '../../../../../image/digest.ts'
import { openSource } from '../../../../../image/sources.ts'
import type { Image } from '../../../../../image/types.ts'
import { HANG_MS } from '../../../../../scripts/support/until.ts'
import { traceArtifact } from '../../../../../tracer/trace/artifact.ts'
import { type TempFolder, tempFolder } from '../../../../support/temp.ts'
import { traceFile, traceOf } from '../../../trace/traces.ts'
import { type LazyLayerSpec, writeLazyImage } from '../estargz-image.ts'
import { type Given, mountServed } from '../served.ts'

const KIB = 1024
const contents = { lib: randomBytes(300 * KIB), app: randomBytes(250 * KIB), conf: Buffer.from('port = 1\n') }
const file = (name: keyof typeof contents) => ({ name, content: contents[name] })
const layers: LazyLayerSpec[] = [
  { zone: [file('lib')], rest: [file('conf')], chunkSize: 100 * KIB },
  { rest: [file('app')], chunkSize: 100 * KIB },
]

let temp: TempFolder
let image: Image
let folder: string
beforeEach(async () => {
  temp = await tempFolder()
  image = await imageOf('image', layers)
  folder = await temp.sub('shared')
  await chmod(folder, 0o700)
})
afterEach(() => temp[Symbol.asyncDispose]())

const imageOf = async (name: string, specs: readonly LazyLayerSpec[]): Promise<Image> =>
  (await openSource(await writeLazyImage(await temp.sub(name), specs))).image()

const mounted = (given: Given = {}, of = image) =>
  mountServed(of, { cache: { folder, bytes: 1 << 30 }, ...given })

/** Of all contents, by the names of their files. */
const pieces = new Map(
  Object.values(contents).flatMap((content) => {
    const all: [string, Buffer][] = []
    for (let at = 0; at < content.length; at += 100 * KIB) {
      const piece = content.subarray(at, at + 100 * KIB)
      all.push([`${digestOf(piece).slice('sha256:xx'.length)}.${piece.length}`, piece])
    }
    return all
  }),
)

/** Contents are written behind, after what was read before them. */
async function isAllKept(): Promise<boolean> {
  const right = new Set<string>()
  for (const path of await cachedFiles()) {
    const piece = pieces.get(basename(path))
    if (piece?.equals(await readFile(path).catch(() => Buffer.alloc(0)))) right.add(basename(path))
  }
  return right.size === pieces.size
}

/** Ends the mount once all is in the cache. */
const readAndKeep = (given: Given = {}) => readAll(given, image, true)

/** @returns the paths that were asked of the registry, without the question whether it speaks HTTP */
async function readAll(given: Given = {}, of = image, isKeeping = false) {
  await using run = await mounted(given, of)
  await run.mount.prefetchPlan()
  for (const [name, content] of Object.entries(contents))
    expect((await readFile(run.at(name))).equals(content)).toBe(true)
  if (isKeeping) await expect.poll(isAllKept, { timeout: HANG_MS }).toBe(true)
  const { cached, onDemand } = await run.mount.counters()
  const asked = run.proxy.seen.map(({ path }) => path).filter((path) => path !== '/v2/')
  return { asked, cached, onDemand: onDemand.bytes }
}

const SIZE = Object.values(contents).reduce((sum, { length }) => sum + length, 0)

async function cachedFiles(): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

test('a second mount asks for the manifest and the list of profiles only', async () => {
  const profile = { attached: true }
  const trace = traceOf([traceFile('app', { ranges: [[0, 10]] })])
  const attached = [traceArtifact(trace, image.descriptor, 'web')]
  const first = await readAndKeep({ profile, attached })
  expect(first.asked.filter((path) => path.includes('/blobs/')).length).toBeGreaterThan(4)
  expect(first.cached).toBe(0)
  const second = await readAll({ profile, attached })
  expect(second.asked).toEqual([
    '/v2/app/manifests/1',
    expect.stringMatching(/^\/v2\/app\/referrers\/sha256:/),
  ])
  expect(second).toMatchObject({ cached: SIZE, onDemand: 0 })
})

test('another image with some of the content fetches only the rest', async () => {
  await readAndKeep()
  const later = await imageOf('later', [
    { rest: [file('app'), { name: 'new', content: randomBytes(10 * KIB) }], chunkSize: 100 * KIB },
    { rest: [file('lib'), file('conf')], chunkSize: 100 * KIB },
  ])
  const { cached, onDemand } = await readAll({}, later)
  expect([cached, onDemand]).toEqual([SIZE, 0])
})

test('two mounts at once, on an empty cache and on one that is too small', async () => {
  for (const bytes of [1 << 30, 400 * KIB]) {
    const cache = { folder, bytes }
    const runs = await Promise.all([readAll({ cache }), readAll({ cache }), readAll({ cache })])
    expect(runs).toHaveLength(3)
  }
  await readAndKeep()
  expect(await readAll()).toMatchObject({ cached: SIZE, onDemand: 0 })
})

test('content that was changed, cut short or emptied is fetched again, and replaced', async () => {
  await readAndKeep()
  const before = await cachedFiles()
  const changes = [
    (bytes: Buffer) => bytes.fill(~bytes.readUInt8(0) & 0xff, 0, 1),
    (bytes: Buffer) => bytes.subarray(1),
    () => Buffer.alloc(0),
    (bytes: Buffer) => Buffer.concat([bytes, bytes]),
  ]
  for (const change of changes) {
    for (const path of before) await writeFile(path, change(await readFile(path)))
    const { asked, cached } = await readAndKeep()
    expect(asked.filter((path) => path.includes('/blobs/')).length).toBeGreaterThan(3)
    expect(cached).toBe(0)
    expect((await cachedFiles()).toSorted()).toEqual(before.toSorted())
    expect(await readAll()).toMatchObject({ cached: SIZE, onDemand: 0 })
  }
})

test('a cache that others could write to fails the mount, in a line', async () => {
  await chmod(folder, 0o777)
  await expect(mounted()).rejects.toMatchObject({ code: 'E_CACHE' })
})
