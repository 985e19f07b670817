/** The images of a fleet, found in registries: one that lists what it likes, or nothing; names that need no list. */
import { afterEach, expect, test } from 'vitest'
import { parseFleet } from '../../../fleet/config/fleet.ts'
import { nameOf } from '../../../fleet/config/names.ts'
import { type Discovery, discover } from '../../../fleet/look/discover.ts'
import { openRegistries } from '../../../fleet/look/registries.ts'
import { type Answer, type LooseRegistry, startLooseRegistry } from '../../support/loose-registry.ts'

const opened: LooseRegistry[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]()
})

const json = (value: unknown): Answer => ({ status: 200, body: JSON.stringify(value) })

/** @param tags of each repository; @param catalog instead of their names */
async function registryOf(
  tags: Readonly<Record<string, readonly string[]>>,
  catalog: Answer = json({ repositories: Object.keys(tags) }),
): Promise<LooseRegistry> {
  const registry = await startLooseRegistry(({ path }, answer) => {
    if (path.startsWith('/v2/_catalog')) return catalog
    const repository = /^\/v2\/(.+)\/tags\/list/.exec(path)?.[1]
    if (repository === undefined) return answer()
    return repository in tags ? json({ tags: tags[repository] }) : { status: 404 }
  })
  opened.push(registry)
  return registry
}

async function find(yaml: string): Promise<Discovery> {
  await using registries = openRegistries({})
  return await discover(parseFleet(yaml, 'fleet.yaml'), registries, new AbortController().signal)
}

const fleetOf = ({ host }: LooseRegistry, images: string) =>
  `version: 1\nregistry: ${host}\nimages:\n${images}`
const namesIn = ({ images }: Discovery, { host }: LooseRegistry) =>
  images.map(({ image }) => nameOf(image).replace(`${host}/`, ''))
const listsAsked = ({ asked }: LooseRegistry) =>
  asked.map(({ path }) => path.split('?')[0] ?? '').filter((path) => /catalog|tags/.test(path))

test('patterns are looked up, names are taken as they are, each image once and by its first entry', async () => {
  const registry = await registryOf({
    'team/a': ['v1', 'v2', 'v2-esgz', 'main'],
    'team/b': ['v1', `sha256-${'a'.repeat(64)}`],
    'other/c': ['v1'],
  })
  const found = await find(
    fleetOf(
      registry,
      `  - { repositories: [team/a], tags: [main, v1], target: '{repository}:{tag}' }
  - { repositories: ['team/*'], tags: ['v*'] }`,
    ),
  )
  expect(namesIn(found, registry)).toEqual(['team/a:main', 'team/a:v1', 'team/a:v2', 'team/b:v1'])
  expect(found.images.map(({ entry }) => entry.target)).toEqual([
    '{repository}:{tag}',
    '{repository}:{tag}',
    '{repository}:{tag}-esgz',
    '{repository}:{tag}-esgz',
  ])
  expect(found.faults).toEqual([])
  expect(listsAsked(registry).toSorted()).toEqual([
    '/v2/_catalog',
    '/v2/team/a/tags/list',
    '/v2/team/b/tags/list',
  ])
})

test('where all is named, no list is asked for', async () => {
  const registry = await registryOf({})
  const found = await find(fleetOf(registry, '  - { repositories: [a, b/c], tags: [v1, latest] }'))
  expect(namesIn(found, registry)).toEqual(['a:latest', 'a:v1', 'b/c:latest', 'b/c:v1'])
  expect(listsAsked(registry)).toEqual([])
})

test('an entry that no image belongs to is told: its pattern may be mistyped', async () => {
  const registry = await registryOf({ app: ['v1'] })
  const images =
    "  - { repositories: ['team/*'] }\n  - { repositories: [app] }\n  - { repositories: [app], tags: [v1] }"
  const { idle } = await find(fleetOf(registry, images))
  expect(idle.map(({ line }) => line)).toEqual([4, 6])
})

test('a catalog that is refused is a fault that says what to do, and keeps nothing else from being found', async () => {
  const registry = await registryOf({ named: ['v1'] }, { status: 401 })
  const found = await find(
    fleetOf(registry, "  - { repositories: ['team/*', named] }\n  - { repositories: ['**'] }"),
  )
  expect(namesIn(found, registry)).toEqual(['named:v1'])
  expect(found.faults).toEqual([
    expect.stringMatching(
      new RegExp(
        `^${registry.host} does not list its repositories, so that they have to be named in fleet.yaml: `,
      ),
    ),
  ])
})

test('a registry that is away is said to be, and not that it has nothing', async () => {
  const registry = await registryOf({ 'team/a': ['v1'] })
  const away = '127.0.0.1:1'
  const found = await find(
    fleetOf(registry, `  - { repositories: ['${away}/team/*'] }\n  - { repositories: ['team/*', x/y] }`),
  )
  expect(namesIn(found, registry)).toEqual(['team/a:v1'])
  expect(found.faults).toEqual([expect.stringMatching(/^https?:\/\/127\.0\.0\.1:1 can't be reached: /)])
  expect(found.idle).toEqual([])
})

test('names that are none, of a registry that means harm, lead nowhere', async () => {
  const registry = await registryOf(
    { good: ['v1', '../../x', 'a\u001b[2Jb', '-v', 'x'.repeat(200)] },
    json({ repositories: ['good', '../etc', 'UPPER', 'a//b', 'evil.example/x:5', '\u001b[2J'] }),
  )
  const found = await find(fleetOf(registry, "  - { repositories: ['**'] }"))
  expect(namesIn(found, registry)).toEqual(['good:v1'])
  expect(registry.asked.map(({ path }) => path).filter((path) => /etc|UPPER|evil/.test(path))).toEqual([])
})
