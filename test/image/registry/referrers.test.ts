/** What is attached to an image in registries with lists of referrers and without; other writers, other answers, and refusals. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAttached, openAttaching } from '../../../image/referrers/place.ts'
import { openSource } from '../../../image/sources.ts'
import type { Descriptor } from '../../../image/types.ts'
import { BUILDING_MS, peerSets } from '../../../scripts/support/peers.ts'
import { type Registries, startRegistries } from '../../../scripts/support/registry.ts'
import { until } from '../../../scripts/support/until.ts'
import { attachAt, listAt, NOTE_TYPE, note, textsAt } from '../../support/artifacts.ts'
import { copy } from '../../support/copy.ts'
import { writeImage } from '../../support/images.ts'
import { type Answer, type Asked, startLooseRegistry } from '../../support/loose-registry.ts'
import { file } from '../../support/tar.ts'

let folder: string
let registries: Registries
let original: string
let image: Descriptor

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-referrers-'))
  original = await writeImage(join(folder, 'i'), { layers: [[file('a', 'one')]] })
  await using source = await openSource(original)
  image = (await source.image()).descriptor
  registries = await startRegistries()
}, BUILDING_MS)
afterAll(async () => {
  await registries[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const isList = ({ path }: Asked) => /\/referrers\//.test(path)
const isTag = ({ path }: Asked) => path.includes(`/manifests/${image.digest.replace(':', '-')}`)

test.each(peerSets)('a registry without lists keeps one under a tag, whoever writes: %s', async (peers) => {
  const place = `docker://${registries.of(peers).host}/app:v1`
  await copy(original, place)
  expect(await listAt(place, image.digest)).toEqual([])
  const notes = ['a', 'b', 'c', 'd', 'e'].map((text) => note(image, text))
  // A request that the registry takes its time for may undo what another writer has seen in the list: who lost comes again.
  await until('all are listed', async () => {
    await Promise.all(notes.map((each) => attachAt(place, each)))
    return (await listAt(place, image.digest)).length >= notes.length
  })
  await Promise.all(notes.slice(0, 2).map((each) => attachAt(place, each)))
  const listed = await listAt(place, image.digest)
  expect(listed.map(({ digest }) => digest).sort()).toEqual(
    notes.map(({ referrer }) => referrer.digest).sort(),
  )
  expect(listed[0]).toMatchObject({ artifactType: NOTE_TYPE, annotations: { text: expect.any(String) } })
})

test('another writer that replaces the list loses nothing of it for good', async () => {
  const theirs = note(image, 'theirs').referrer
  let replaced = 0
  await using registry = await startLooseRegistry((asked, answer) => {
    const result = answer()
    if (isTag(asked) && asked.method === 'PUT' && replaced++ < 2)
      registry.manifests.set(`app/${image.digest.replace(':', '-')}`, {
        bytes: Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [theirs] })),
        type: 'application/vnd.oci.image.index.v1+json',
      })
    return result
  })
  const place = `docker://${registry.host}/app:v1`
  await copy(original, place)
  await attachAt(place, note(image, 'ours'))
  expect(await textsAt(place, image.digest)).toEqual(['ours', 'theirs'])
  const [, condition] = registry.asked.filter((asked) => isTag(asked) && asked.method === 'PUT')
  expect(registry.asked.find((asked) => isTag(asked) && asked.method === 'PUT')?.headers).toMatchObject({
    'if-none-match': '*',
  })
  expect(condition?.headers).not.toHaveProperty('if-none-match')
})

test('a registry that says it lists what it takes is believed: no tag is written', async () => {
  await using registry = await startLooseRegistry((asked, answer) => {
    const result = answer()
    return asked.method === 'PUT'
      ? { ...result, headers: { ...result.headers, 'oci-subject': image.digest } }
      : result
  })
  await attachAt(`docker://${registry.host}/app:v1`, note(image, 'x'))
  expect(registry.asked.some(isTag)).toBe(false)
})

const page = (notes: readonly string[], headers: Answer['headers'] = {}): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/vnd.oci.image.index.v1+json', ...headers },
  body: JSON.stringify({ schemaVersion: 2, manifests: notes.map((text) => note(image, text).referrer) }),
})

test('pages are followed, on the same server alone', async () => {
  await using registry = await startLooseRegistry((asked, answer) => {
    if (!isList(asked)) return answer()
    const [, at] = /n=(\d)/.exec(asked.path) ?? []
    if (at === undefined) return page(['a'], { link: `<${asked.path}?n=1>; rel="next"` })
    return page(['b'], { link: '<http://127.0.0.1:1/v2/app/referrers/more>; rel="next"' })
  })
  expect(await textsAt(`docker://${registry.host}/app:v1`, image.digest)).toEqual(['a', 'b'])
})

test('a list that tells the type of the config, and no more, is completed by the manifest', async () => {
  const { referrer, bytes } = note(image, 'itself')
  const poor = { ...referrer, artifactType: 'application/vnd.oci.empty.v1+json', annotations: undefined }
  const gone = { ...note(image, 'gone').referrer, artifactType: undefined, annotations: undefined }
  await using registry = await startLooseRegistry((asked, answer) =>
    isList(asked)
      ? { ...page([]), body: JSON.stringify({ schemaVersion: 2, manifests: [poor, gone] }) }
      : answer(),
  )
  registry.manifests.set(`app/${referrer.digest}`, { bytes: Buffer.from(bytes), type: referrer.mediaType })
  const listed = await listAt(`docker://${registry.host}/app:v1`, image.digest)
  expect(listed).toEqual([referrer, { mediaType: gone.mediaType, digest: gone.digest, size: gone.size }])
})

test('a list that never ends is given up on, and one that is none is named', async () => {
  let answerOf = (asked: Asked): Answer =>
    page(
      Array.from({ length: 500 }, (_, n) => `${n}`),
      { link: `<${asked.path}>; rel=next` },
    )
  await using registry = await startLooseRegistry((asked, answer) =>
    isList(asked) ? answerOf(asked) : answer(),
  )
  const listing = () => listAt(`docker://${registry.host}/app:v1`, image.digest)
  await expect(listing()).rejects.toThrow(/more than 10000 artifacts are attached/)
  answerOf = () => ({ ...page([]), body: '{"schemaVersion":2,"manifests":[{"digest":"x"}]}' })
  await expect(listing()).rejects.toThrow(/^the list of referrers of .* is wrong: 0\./)
  for (const status of [200, 403, 405]) {
    answerOf = () => ({ status, headers: { 'content-type': 'text/html' }, body: '<html>' })
    expect(await listing()).toEqual([])
  }
})

test.each([400, 405, 415])('artifacts refused with %i: one line that says so', async (status) => {
  await using registry = await startLooseRegistry((asked, answer) =>
    asked.method === 'PUT' && asked.body.includes('"subject"')
      ? {
          status,
          body: JSON.stringify({ errors: [{ code: 'MANIFEST_INVALID', message: 'unknown artifactType' }] }),
        }
      : answer(),
  )
  await expect(attachAt(`docker://${registry.host}/app:v1`, note(image, 'x'))).rejects.toThrow(
    RegExp(
      `^nothing can be attached to docker://.*/app:v1: .* answered ${status} to PUT .*: MANIFEST_INVALID: unknown artifactType$`,
    ),
  )
})

test('an engine and what is saved of it have nothing attached', async () => {
  await expect(openAttached('docker-daemon:web:1', {})).rejects.toThrow(
    /^nothing can be attached to docker-daemon:web:1$/,
  )
  await expect(openAttaching('docker-archive:x.tar', {})).rejects.toThrow(
    /^nothing can be attached to docker-archive:x.tar$/,
  )
})
