/** Artifacts carried between registries and layouts with their image, byte for byte; and those that lie. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readArtifact } from '../../../image/referrers/artifact.ts'
import { copyReferrers } from '../../../image/referrers/attach.ts'
import { openAttached, openAttaching } from '../../../image/referrers/place.ts'
import { serveImages } from '../../../image/serve.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Descriptor, Referrer } from '../../../image/types.ts'
import { BUILDING_MS, peerSets } from '../../../scripts/support/peers.ts'
import { type Registries, startRegistries } from '../../../scripts/support/registry.ts'
import { attachAt, listAt, NOTE_TYPE, note, textsAt } from '../../support/artifacts.ts'
import { copy } from '../../support/copy.ts'
import { writeImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'

let folder: string
let registries: Registries
let image: Descriptor
let other: Descriptor
/** a layout without a name for its image */
let layout: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-attach-'))
  const original = await writeImage(join(folder, 'i'), { layers: [[file('a', 'one')]] })
  layout = `oci:${folder}/layout`
  await copy(original, layout)
  await using source = await openSource(original)
  image = (await source.image()).descriptor
  other = { ...image, digest: `sha256:${'1'.repeat(64)}` }
  registries = await startRegistries()
}, BUILDING_MS)
afterAll(async () => {
  await registries[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

test.each(peerSets)('a note on a note goes along: layout, registry, layout: %s', async (peers) => {
  const first = note(image, `first ${peers}`)
  await attachAt(layout, first)
  await attachAt(layout, first)
  await attachAt(layout, note(first.referrer, 'about the first'))
  const there = `docker://${registries.of(peers).host}/carried:v1`
  const back = `oci:${folder}/back-${peers}:v1`
  for (const [from, to] of [
    [layout, there],
    [there, back],
  ] as const) {
    await copy(from, to)
    await using source = await openAttached(from, {})
    await using target = await openAttaching(to, {})
    expect(await copyReferrers(source, [image.digest], target)).toBeGreaterThanOrEqual(2)
    expect(await listAt(to, image.digest)).toContainEqual(first.referrer)
    expect(await textsAt(to, first.referrer.digest)).toEqual(['about the first'])
  }
})

test('a layout named without a tag is still its image, also when that is replaced', async () => {
  await attachAt(layout, note(image, 'kept'))
  const next = await writeImage(join(folder, 'next'), { layers: [[file('a', 'two')]] })
  const copied = `oci:${folder}/replaced`
  await copy(layout, copied)
  await attachAt(copied, note(image, 'kept'))
  const digest = await copy(next, copied, { force: true })
  await using source = await openSource(copied)
  expect((await source.image()).descriptor.digest).toBe(digest)
  expect(await textsAt(copied, image.digest)).toEqual(['kept'])
})

const reading = async (place: string, referrer: Referrer, maxBytes = 100) => {
  await using source = await openAttached(place, {})
  return await readArtifact(source, referrer, {
    artifactType: NOTE_TYPE,
    subject: image.digest,
    maxBytes,
    what: 'the note',
  })
}

test('an artifact is what was said of it, or it is refused', async () => {
  const [good, foreign] = [note(image, 'good'), note(other, 'foreign')]
  const wrong = note(image, 'wrong', 'application/x')
  await using source = await openSource(layout)
  await using server = await serveImages({ 'app:v1': await source.image() }, { app: [good, foreign, wrong] })
  const place = `docker://${server.host}/app:v1`
  expect(await textsAt(place, image.digest)).toEqual(['good', 'wrong'])
  expect((await reading(place, good.referrer)).content.bytes.toString()).toBe('good')
  const lying = (change: Partial<Referrer>) => reading(place, { ...good.referrer, ...change })
  await expect(lying({ size: good.referrer.size + 1 })).rejects.toThrow(
    /has \d+ bytes; its descriptor says \d+$/,
  )
  await expect(lying({ size: 5 << 20 })).rejects.toThrow(
    /is refused: its manifest claims to have 5242880 bytes$/,
  )
  await expect(lying({ mediaType: 'text/html' })).rejects.toThrow(/is refused: it is listed as text\/html$/)
  await expect(reading(place, foreign.referrer)).rejects.toThrow(
    `is refused: its subject is another image, ${other.digest}`,
  )
  await expect(reading(place, wrong.referrer)).rejects.toThrow(/is refused: its type is application\/x$/)
  await expect(reading(place, good.referrer, 3)).rejects.toThrow(
    /is refused: it has 4 bytes; 3 is the limit$/,
  )
})

test('a manifest that changed in its layout is noticed', async () => {
  const place = `oci:${folder}/changed`
  await copy(layout, place)
  const damaged = note(image, 'damaged')
  await attachAt(place, damaged)
  const path = `${folder}/changed/blobs/sha256/${damaged.referrer.digest.slice(7)}`
  await writeFile(path, (await readFile(path, 'utf8')).replace('damaged', 'DAMAGED'))
  await expect(reading(place, damaged.referrer)).rejects.toThrow(/has the digest .*; its descriptor says/)
})

test('what is not what it is listed as is not carried along, nor to where nothing can be attached', async () => {
  await using source = await openSource(layout)
  await using server = await serveImages({ 'app:v1': await source.image() }, { app: [note(image, 'x')] })
  await using registry = await openAttached(`docker://${server.host}/app:v1`, {})
  const listed = {
    ...registry,
    referrers: async () => [note(other, 'y').referrer, note(image, 'x').referrer],
  }
  await using target = await openAttaching(`oci:${folder}/nowhere:v1`, {})
  await expect(copyReferrers(listed, [image.digest], target)).rejects.toThrow(/has no image app@sha256/)
  await using archive = await openTarget(`docker-archive:${folder}/x.tar:x:1`)
  await expect(copyReferrers(registry, [image.digest], archive)).rejects.toThrow(
    /^nothing can be attached to docker-archive:.*x.tar:/,
  )
})
