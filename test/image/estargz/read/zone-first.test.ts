/** The zone that is read from the beginning of a table of contents is the one that reading the whole gives. */
import { randomFillSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { groupsByOffset } from '../../../../image/estargz/read/groups.ts'
import { type FetchedToc, fetchToc, parseLayer } from '../../../../image/estargz/read/reader.ts'
import { checkZone, zoneFirst } from '../../../../image/estargz/read/zone-first.ts'
import { cases, PATIENCE_MS } from '../../../support/property.ts'
import { dir, file, symlink, tarOf } from '../../../support/tar.ts'
import { fetchOf, writeInMemory } from '../in-memory.ts'

const sizes = [0, 10, 900, 4096, 20_000, 70_000]
const tar = await tarOf([
  dir('d/'),
  ...sizes.map((size) => file(`d/${size}`, randomFillSync(Buffer.alloc(size)))),
  symlink('d/link', '10'),
])
const names = ['d', ...sizes.map((size) => `d/${size}`), 'd/link']

async function fetched(layer: Awaited<ReturnType<typeof writeInMemory>>): Promise<FetchedToc> {
  const { bytes, tocDigest } = layer
  return fetchToc(bytes.length, fetchOf(bytes), { tocDigest })
}

async function inWhole(toc: FetchedToc) {
  const layer = await parseLayer(toc)
  const owners = new Map(
    layer.entries.flatMap(({ path, chunks, ahead }) =>
      [...chunks, ...ahead].map((chunk) => [chunk, path] as const),
    ),
  )
  return [...groupsByOffset(layer.entries).values()]
    .filter(({ end }) => end <= layer.zoneEnd)
    .sort((a, b) => a.offset - b.offset)
    .map((group) => ({ ...group, paths: group.chunks.map((chunk) => owners.get(chunk) ?? '').sort() }))
}

const inBrief = (toc: FetchedToc) =>
  zoneFirst(toc).map(({ pieces, ...group }) => ({ ...group, paths: pieces.map(({ path }) => path).sort() }))

test(
  'groups, their chunks and whose they are, of zones with whole files, shared members and ranges ahead',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.subarray(names, { minLength: 0 }),
        fc.subarray(sizes.slice(3)),
        fc.constantFrom(0, 3000),
        async (zone, split, minChunkSize) => {
          const hot = Object.fromEntries(split.map((size) => [`d/${size}`, [[0, 1000] as const]]))
          const toc = await fetched(await writeInMemory(tar, zone, { chunkSize: 8192, minChunkSize, hot }))
          const [whole, brief] = [await inWhole(toc), inBrief(toc)]
          const sorted = (groups: typeof brief) =>
            groups.map(({ chunks, ...group }) => ({
              ...group,
              chunks: chunks.toSorted((a, b) => a.innerOffset - b.innerOffset),
            }))
          expect(sorted(brief)).toEqual(sorted(whole))
          checkZone(zoneFirst(toc), await parseLayer(toc))
        },
      ),
      cases(60),
    )
  },
  PATIENCE_MS,
)

test('indented, as the reference writes it, it is found alike', async () => {
  const toc = await fetched(await writeInMemory(tar, ['d/900', 'd/20000'], { chunkSize: 8192 }))
  const json = Buffer.from(JSON.stringify(JSON.parse(toc.json.toString()), undefined, '\t'))
  expect(zoneFirst(toc)).toHaveLength(4)
  expect(zoneFirst({ ...toc, json })).toEqual(zoneFirst(toc))
})

const entry = { name: 'app', type: 'reg', size: 5, offset: 0, chunkDigest: `sha256:${'a'.repeat(64)}` }
const landmark = { name: '.prefetch.landmark', type: 'reg', size: 1, offset: 40 }

test.each([
  ['without a zone', [entry, { ...landmark, name: '.no.prefetch.landmark' }]],
  ['whose landmark is only mentioned', [{ ...entry, type: 'symlink', linkName: '.prefetch.landmark' }]],
  ['whose beginning makes no sense', [{ ...entry, chunkSize: 90 }, landmark]],
  ['whose files stand behind their landmark', [{ ...entry, offset: 50 }, landmark]],
  ['whose landmark comes late', [{ ...entry, userName: 'x'.repeat(1 << 20) }, landmark]],
])('a table of contents %s has none', async (_what, entries) => {
  const { place } = await fetched(await writeInMemory(tar, []))
  const json = Buffer.from(JSON.stringify({ version: 1, entries }))
  expect(zoneFirst({ json, place })).toEqual([])
})

test('of two lists of entries the last one counts, and a first one that says something else is noticed', async () => {
  const toc = await fetched(await writeInMemory(tar, ['d/900'], { chunkSize: 8192 }))
  const whole = toc.json.toString()
  const first = whole.replace(/"chunkDigest":"sha256:[^"]*"/, `"chunkDigest":"sha256:${'0'.repeat(64)}"`)
  const json = Buffer.from(`${first.slice(0, -1)},${whole.slice(1)}`)
  const layer = await parseLayer({ ...toc, json })
  checkZone(zoneFirst(toc), layer)
  expect(() => checkZone(zoneFirst({ ...toc, json }), layer)).toThrow('contradicts itself about what begins')
})

test('files whose content is stored once are no contradiction', async () => {
  const toc = await fetched(await writeInMemory(tar, []))
  const entries = [entry, { ...entry, name: 'same' }, landmark]
  const json = Buffer.from(JSON.stringify({ version: 1, entries }))
  const zone = zoneFirst({ ...toc, json })
  expect(zone.map(({ pieces }) => pieces.map(({ path }) => path))).toEqual([['app', 'same']])
  checkZone(zone, await parseLayer({ ...toc, json }))
})
