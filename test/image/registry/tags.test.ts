/** What registries list and what their tags name: of real ones in pages, and of one that does as it likes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RegistryClient } from '../../../image/registry/client.ts'
import { listRepositories, listTags, resolveTag } from '../../../image/registry/tags.ts'
import { openSource } from '../../../image/sources.ts'
import { BUILDING_MS, peerSets } from '../../../scripts/support/peers.ts'
import { type Registries, startRegistries } from '../../../scripts/support/registry.ts'
import { copy } from '../../support/copy.ts'
import { writeImage } from '../../support/images.ts'
import { type Answer, type Asked, startLooseRegistry } from '../../support/loose-registry.ts'
import { file } from '../../support/tar.ts'

let folder: string
let registries: Registries
let original: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-tags-'))
  original = await writeImage(join(folder, 'i'), { layers: [[file('a', 'one')]] })
  registries = await startRegistries()
}, BUILDING_MS)
afterAll(async () => {
  await registries[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function at<T>(
  host: string,
  repository: string,
  work: (place: {
    client: RegistryClient
    repository: string
    signal: AbortSignal | undefined
  }) => Promise<T>,
): Promise<T> {
  await using client = await RegistryClient.connect(host, repository, {})
  return await work({ client, repository, signal: undefined })
}

test.each(peerSets)('repositories, tags, and what a tag names: %s', async (peers) => {
  const { host } = registries.of(peers)
  for (const name of ['team/b:2', 'team/a:1', 'team/b:1']) await copy(original, `docker://${host}/${name}`)
  await using source = await openSource(original)
  const { digest, mediaType } = (await source.image()).descriptor
  await at(host, 'team/b', async (place) => {
    expect((await listRepositories(place.client, undefined)).toSorted()).toEqual(['team/a', 'team/b'])
    expect((await listTags(place)).toSorted()).toEqual(['1', '2'])
    expect(await resolveTag(place, '1')).toEqual({ digest, mediaType })
    expect(await resolveTag(place, 'none')).toBeUndefined()
    expect(await listTags({ ...place, repository: 'team/none' })).toEqual([])
  })
  await using tagged = await openSource(`docker://${host}/team/b:1`)
  expect(await tagged.current?.()).toBe(digest)
  await using exact = await openSource(`docker://${host}/team/b@${digest}`)
  expect(exact.current).toBeUndefined()
})

const json = (value: unknown, headers: Answer['headers'] = {}): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(value),
})
const isTags = ({ path }: Asked) => path.includes('/tags/list')

test('pages are followed; names that no reference could have, and doubles, are left out', async () => {
  await using registry = await startLooseRegistry(({ path, ...asked }, answer) => {
    if (!isTags({ path, ...asked })) return answer()
    return path.includes('last=')
      ? json({ tags: ['v3', 'v1', '../x', '\u001b[31m'] })
      : json({ tags: ['v1', 'a b', '', 'v2'] }, { link: '</v2/app/tags/list?n=2&last=v2>; rel="next"' })
  })
  expect(await at(registry.host, 'app', listTags)).toEqual(['v1', 'v2', 'v3'])
  expect(registry.asked.filter(isTags)).toHaveLength(2)
})

test('a list that goes round in a circle, or has no end, is refused', async () => {
  await using circle = await startLooseRegistry((asked, answer) =>
    isTags(asked) ? json({ tags: ['v1'] }, { link: '</v2/app/tags/list?last=v1>; rel="next"' }) : answer(),
  )
  await expect(at(circle.host, 'app', listTags)).rejects.toThrow(/of tags of .*\/app does not end/)
  let page = 0
  const many = Array.from({ length: 50_000 }, (_, index) => index)
  await using endless = await startLooseRegistry((asked, answer) => {
    if (!isTags(asked)) return answer()
    page++
    const tags = many.map((index) => `v${page}-${index}`)
    return json({ tags }, { link: `</v2/app/tags/list?last=${page}>; rel="next"` })
  })
  await expect(at(endless.host, 'app', listTags)).rejects.toThrow(/does not end/)
})

test('another server’s next page is not asked for; what is no list is refused', async () => {
  await using other = await startLooseRegistry()
  await using registry = await startLooseRegistry((asked, answer) =>
    isTags(asked)
      ? json({ tags: ['v1'] }, { link: `<http://${other.host}/v2/app/tags/list?last=v1>; rel="next"` })
      : answer(),
  )
  expect(await at(registry.host, 'app', listTags)).toEqual(['v1'])
  expect(other.asked).toEqual([])
  await using page = await startLooseRegistry((asked, answer) =>
    isTags(asked) ? { status: 200, body: '<html>' } : answer(),
  )
  await expect(at(page.host, 'app', listTags)).rejects.toThrow(/the list of tags of .* is not such a list/)
  await using nothing = await startLooseRegistry((asked, answer) =>
    isTags(asked) ? json({ name: 'app', tags: null }) : answer(),
  )
  expect(await at(nothing.host, 'app', listTags)).toEqual([])
})

test('a registry without HEAD, or one that tells no digest by it, is asked for the manifest', async () => {
  for (const head of [
    { status: 405 },
    { status: 200, headers: { 'content-type': 'text/plain' } },
  ] satisfies Answer[]) {
    let isThere = false
    await using registry = await startLooseRegistry((asked, answer) =>
      isThere && asked.method === 'HEAD' ? head : answer(),
    )
    await copy(original, `docker://${registry.host}/app:v1`)
    isThere = true
    await using source = await openSource(original)
    const { digest, mediaType } = (await source.image()).descriptor
    expect(await at(registry.host, 'app', (place) => resolveTag(place, 'v1'))).toEqual({ digest, mediaType })
  }
})
