/** Several writers of one layout, and writers that fail: no tag is lost, and no blob that an image needs. */
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attach } from '../../../image/referrers/attach.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import { listAt, note, textsAt } from '../../support/artifacts.ts'
import { copy } from '../../support/copy.ts'
import { writeImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'

let folder: string
let good: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-layout-'))
  const layers = [[file('small', 'x')], [file('big', randomBytes(4 << 20))]]
  good = await writeImage(join(folder, 'good'), { layers })
})
afterAll(() => rm(folder, { recursive: true }))

test('an image that was there stays, blobs and all, when replacing it fails', async () => {
  const place = `oci:${folder}/kept:v1`
  await copy(good, place)
  const blobs = await readdir(join(folder, 'kept/blobs/sha256'))
  const other = await writeImage(join(folder, 'other'), { layers: [[file('big', randomBytes(2 << 20))]] })
  await expect(copy(other, place)).rejects.toThrow(/already exists/)
  await expect(copy(other, place, { force: true, abortAt: 100_000 })).rejects.toThrow(/abort/i)
  expect(await readdir(join(folder, 'kept/blobs/sha256'))).toEqual(blobs)
  await copy(place, `oci:${folder}/kept-copy`)
})

test('many writers of one layout at once lose no tag', async () => {
  const tags = Array.from({ length: 12 }, (_, index) => `t${index}`)
  await Promise.all(tags.map((tag) => copy(good, `oci:${folder}/shared:${tag}`)))
  for (const tag of tags) {
    await using source = await openSource(`oci:${folder}/shared:${tag}`)
    expect((await source.image()).layers).toHaveLength(2)
  }
})

test('a copy that fails takes no blob away that another copy into the same layout stands on', async () => {
  const target = await openTarget(`oci:${folder}/beside:failing`)
  await target.prepare({ force: false })
  await using source = await openSource(good)
  const image = await source.image()
  for (const layer of image.layers) await target.putBlob(layer)
  await copy(good, `oci:${folder}/beside:good`)
  await target[Symbol.asyncDispose]()
  await copy(`oci:${folder}/beside:good`, `oci:${folder}/beside-again`)
})

test('a copy whose blobs another took away fails, and says what to do', async () => {
  const [failing, late] = [
    await openTarget(`oci:${folder}/taken:a`),
    await openTarget(`oci:${folder}/taken:b`),
  ]
  await using source = await openSource(good)
  const image = await source.image()
  for (const target of [failing, late]) {
    await target.prepare({ force: false })
    for (const layer of image.layers) await target.putBlob(layer)
  }
  await failing[Symbol.asyncDispose]()
  await expect(
    late.putManifest(image.rawManifest, image.manifest.mediaType, { tagged: true }),
  ).rejects.toMatchObject({
    code: 'E_TARGET',
    hint: 'Run the command again',
  })
  await late[Symbol.asyncDispose]()
})

test('the folder of a first writer that was killed is written to, and read in clear words', async () => {
  const half = join(folder, 'half')
  await mkdir(half)
  await writeFile(join(half, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  await expect(openSource(`oci:${half}`)).rejects.toThrow(/holds no image: it has no index.json/)
  await copy(good, `oci:${half}`)
  await copy(`oci:${half}`, `oci:${folder}/half-again`)
})

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['other bytes of the same length', (bytes) => Buffer.alloc(bytes.length, 'x')],
  ['its beginning only', (bytes) => bytes.subarray(0, 100)],
  ['more bytes than it has', (bytes) => Buffer.concat([bytes, bytes])],
])('a blob that is there under its name with %s is written again', async (what, damage) => {
  const place = join(folder, `damaged-${what.slice(0, 5)}`)
  await copy(good, `oci:${place}:a`)
  const blobs = join(place, 'blobs/sha256')
  const whole = new Map<string, Buffer>()
  for (const name of await readdir(blobs)) {
    whole.set(name, await readFile(join(blobs, name)))
    await writeFile(join(blobs, name), damage(await readFile(join(blobs, name))))
  }
  const { mtimeMs } = await stat(join(place, 'index.json'))
  await copy(good, `oci:${place}:b`)
  expect((await stat(join(place, 'index.json'))).mtimeMs).toBeGreaterThan(mtimeMs)
  for (const [name, bytes] of whole) expect(bytes.equals(await readFile(join(blobs, name))), name).toBe(true)
})

test('a blob that was mended stays when the image fails: another may stand on it', async () => {
  await copy(good, `oci:${folder}/mended:a`)
  const blobs = join(folder, 'mended/blobs/sha256')
  await using source = await openSource(good)
  const [layer] = (await source.image()).layers
  if (!layer) throw new Error('no layer')
  const blob = join(blobs, layer.descriptor.digest.slice(7))
  const bytes = await readFile(blob)
  await writeFile(blob, Buffer.alloc(bytes.length))
  const target = await openTarget(`oci:${folder}/mended:b`)
  await target.prepare({ force: false })
  expect(await target.putBlob(layer)).toEqual({ existed: false })
  expect(await target.putBlob(layer)).toEqual({ existed: true })
  await target[Symbol.asyncDispose]()
  expect(bytes.equals(await readFile(blob))).toBe(true)
})

test('a link in the place of a blob is not followed to a device', async () => {
  const place = join(folder, 'linked')
  await copy(good, `oci:${place}:a`)
  const names = await readdir(join(place, 'blobs/sha256'))
  for (const name of names) {
    await rm(join(place, 'blobs/sha256', name))
    await symlink('/dev/zero', join(place, 'blobs/sha256', name))
  }
  await copy(good, `oci:${place}:b`)
  for (const name of names) expect((await lstat(join(place, 'blobs/sha256', name))).isFile()).toBe(true)
})

test('what is attached while an image is written appears with it, or not at all', async () => {
  await using source = await openSource(good)
  const image = await source.image()
  const { digest } = image.descriptor
  for (const isWritten of [false, true]) {
    const place = `oci:${folder}/attached:v1`
    await using target = await openTarget(place)
    await target.prepare({ force: false })
    for (const blob of [...image.layers, source.blob(image.manifest.config)]) await target.putBlob(blob)
    await attach(target, note(image.descriptor, 'with it'))
    await expect(listAt(place, digest)).rejects.toThrow(/has no index.json/)
    if (isWritten) await target.putManifest(image.rawManifest, image.manifest.mediaType, { tagged: true })
    await target[Symbol.asyncDispose]()
    if (isWritten) expect(await textsAt(place, digest)).toEqual(['with it'])
    else expect(await readdir(folder)).not.toContain('attached')
  }
})
