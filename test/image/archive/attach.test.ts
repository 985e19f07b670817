/** Artifacts attached to an image in an archive that exists: it is whole before, between and after. */
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAttached, openAttaching } from '../../../image/referrers/place.ts'
import { openSource } from '../../../image/sources.ts'
import type { Descriptor } from '../../../image/types.ts'
import { verifyImage } from '../../../image/verify.ts'
import { attachAt, listAt, note, textsAt } from '../../support/artifacts.ts'
import { copy } from '../../support/copy.ts'
import { writeImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'

let folder: string
let original: string
let image: Descriptor
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-attach-archive-'))
  original = await writeImage(join(folder, 'i'), {
    layers: [[file('a', 'x'.repeat(5000))], [file('b', 'b')]],
  })
  await using source = await openSource(original)
  image = (await source.image()).descriptor
})
afterAll(() => rm(folder, { recursive: true }))

async function archive(): Promise<string> {
  const path = join(folder, `${++count}`, 'web.tar')
  await copy(original, `oci-archive:${path}:v1`)
  return path
}

test('it is found, stands there once, and the image is what it was, also for tar', async () => {
  const path = await archive()
  const place = `oci-archive:${path}:v1`
  await chmod(path, 0o640)
  const first = note(image, 'first')
  await attachAt(place, first)
  const { size } = await stat(path)
  await attachAt(place, first)
  expect(await stat(path)).toMatchObject({ size, mode: 0o100640 })
  await attachAt(place, note(first.referrer, 'about the first'))
  expect(await listAt(place, image.digest)).toEqual([first.referrer])
  expect(await textsAt(place, first.referrer.digest)).toEqual(['about the first'])
  await using source = await openAttached(place, {})
  const found = await source.image()
  expect(found.descriptor.digest).toBe(image.digest)
  for (const { open } of found.layers) for await (const _ of await open()); // checks the digest
  expect(await readdir(join(path, '..'))).toEqual(['web.tar'])

  const unpacked = join(folder, 'unpacked')
  await mkdir(unpacked)
  execFileSync('tar', ['-xf', path, '-C', unpacked])
  expect(await textsAt(`oci:${unpacked}:v1`, image.digest)).toEqual(['first'])
  expect((await verifyOf(`oci:${unpacked}:v1`)).map(({ code }) => code)).toEqual(['E_NOT_ESTARGZ'])
})

async function verifyOf(place: string) {
  await using source = await openSource(place)
  return await verifyImage(await source.image())
}

test('of writers at the same moment none loses', async () => {
  const path = await archive()
  const texts = ['a', 'b', 'c', 'd']
  await Promise.all(texts.map((text) => attachAt(`oci-archive:${path}`, note(image, text))))
  expect(await textsAt(`oci-archive:${path}`, image.digest)).toEqual(texts)
})

test('a link stays a link', async () => {
  const path = await archive()
  const link = join(folder, 'link.tar')
  await symlink(path, link)
  await attachAt(`oci-archive:${link}`, note(image, 'through'))
  expect(await textsAt(`oci-archive:${path}`, image.digest)).toEqual(['through'])
})

test('a failure leaves it as it was, and nothing beside it', async () => {
  const path = await archive()
  const before = await readFile(path)
  await using target = await openAttaching(`oci-archive:${path}`, {})
  const artifact = note(image, 'broken')
  const [blob] = artifact.blobs
  await target.putBlob({
    descriptor: blob?.descriptor ?? expect.fail(),
    open: async () => expect.fail('it broke'),
  })
  await expect(target.putReferrer?.(artifact)).rejects.toThrow('it broke')
  expect(await readFile(path)).toEqual(before)
  expect(await readdir(join(path, '..'))).toEqual(['web.tar'])
})

test('nothing is attached to a compressed one, nor to one that is cut', async () => {
  const path = await archive()
  const bytes = await readFile(path)
  await writeFile(`${path}.gz`, gzipSync(bytes))
  const place = `oci-archive:${path}.gz`
  await expect(attachAt(place, note(image, 'x'))).rejects.toMatchObject({
    code: 'E_ARTIFACT',
    message: `nothing can be attached to ${place}: it is compressed`,
  })
  expect(await listAt(place, image.digest)).toEqual([])
  // Without the padding of its last file, which no reader misses.
  const last = bytes.lastIndexOf('}') + 1
  await writeFile(path, bytes.subarray(0, last))
  expect(await listAt(`oci-archive:${path}`, image.digest)).toEqual([])
  await attachAt(`oci-archive:${path}`, note(image, 'x'))
  expect(await textsAt(`oci-archive:${path}`, image.digest)).toEqual(['x'])
  const [parts, again] = [join(folder, 'parts'), join(folder, 'again.tar')]
  await mkdir(parts)
  execFileSync('tar', ['-xf', path, '-C', parts])
  execFileSync('tar', ['-cf', again, '-C', parts, 'index.json', 'blobs', 'oci-layout'])
  const cut = await readFile(again)
  await writeFile(again, cut.subarray(0, cut.lastIndexOf('}') + 1))
  await expect(attachAt(`oci-archive:${again}`, note(image, 'y'))).rejects.toThrow(
    `oci-archive:${again} is damaged: it ends inside the padding of a file`,
  )
})
