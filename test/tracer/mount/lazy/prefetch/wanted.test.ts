/** What is wanted of an image, by a profile and by its zones: layers written with the real writer, as a reader opens them. */
import { beforeAll, expect, test } from 'vitest'
import { groupsByOffset } from '../../../../../image/estargz/read/groups.ts'
import { finish } from '../../../../../system/steps.ts'
import { indexLayers, nodeAt } from '../../../../../tracer/mount/lazy/nodes.ts'
import type { Wanted } from '../../../../../tracer/mount/lazy/prefetch/plan.ts'
import type { Material } from '../../../../../tracer/mount/lazy/prefetch/prefetch.ts'
import {
  wantedByProfile,
  wantedInAll,
  wantedInZones,
} from '../../../../../tracer/mount/lazy/prefetch/wanted.ts'
import { opened, writeInMemory } from '../../../../image/estargz/in-memory.ts'
import { dir, file, type TarItem, tarOf } from '../../../../support/tar.ts'
import { traceFile, traceOf } from '../../../trace/traces.ts'

const CHUNK = 1000
const content = (chunks: number) => Buffer.alloc(chunks * CHUNK, 'x')

async function layerOf(entries: readonly TarItem[], zone: readonly string[]) {
  return opened(await writeInMemory(await tarOf(entries), zone, { chunkSize: CHUNK }))
}

let material: Material
beforeAll(async () => {
  const layers = [
    await layerOf(
      [
        dir('etc/'),
        file('etc/passwd', content(1)),
        file('etc/group', content(1)),
        file('lib', content(5)),
        file('hidden', content(3)),
        file('café', content(1)),
      ],
      ['lib', 'hidden'],
    ),
    await layerOf([file('app', content(4)), file('hidden', content(2))], ['app']),
  ]
  material = {
    nodes: finish(indexLayers(layers)),
    layers: layers.map((layer) => ({ groups: groupsByOffset(layer.entries) })),
    zoneEnds: layers.map(({ zoneEnd }) => zoneEnd),
  }
})

/** `app 0 2`: the file and the numbers of its chunks, in the order they are wanted. */
function named(wanted: readonly Wanted[]): string[] {
  const names = new Map<string, string>()
  for (const path of ['etc/passwd', 'etc/group', 'lib', 'hidden', 'caf\xc3\xa9', 'app']) {
    const node = nodeAt(material.nodes, path)
    node?.chunks.forEach(({ offset }, index) => {
      names.set(`${node.layer}:${offset}`, `${path} ${index}`)
    })
  }
  return wanted.map(({ layer, group }) => names.get(`${layer}:${group.offset}`) ?? 'unseen')
}

const byProfile = (...files: Parameters<typeof traceFile>[]) =>
  wantedByProfile(traceOf(files.map((each) => traceFile(...each))), material.nodes, material.layers)

const ENGINE = ['etc/passwd 0', 'etc/group 0']

test('what the engine reads comes first, then the ranges read before ready in the order of first opens', () => {
  const { start } = byProfile(
    [
      'app',
      {
        ranges: [
          [0, 10],
          [2500, 2600],
        ],
      },
    ],
    ['lib', { ranges: [[900, 1100]] }],
    ['app', { ranges: [], afterReady: true }],
  )
  expect(named(start)).toEqual([...ENGINE, 'app 0', 'app 2', 'lib 0', 'lib 1'])
})

test('what was read after ready comes later, then what else the files have', () => {
  const { start, later } = byProfile(
    ['lib', { ranges: [[0, 10]], laterRanges: [[4000, 4100]] }],
    ['app', { ranges: [[3000, 4000]], afterReady: true }],
  )
  expect(named(start)).toEqual([...ENGINE, 'lib 0'])
  expect(named(later).slice(0, 2)).toEqual(['lib 4', 'app 3'])
  expect(new Set(named(later).slice(2))).toEqual(
    new Set([...[0, 1, 2, 3, 4].map((at) => `lib ${at}`), ...[0, 1, 2, 3].map((at) => `app ${at}`)]),
  )
})

test('a profile of another image: paths that are not there, ranges beyond the end, a folder, a name that is not ASCII', () => {
  const { start, files } = byProfile(
    ['gone/file', {}],
    ['gone/later', { afterReady: true }],
    ['etc', {}],
    [
      'app',
      {
        size: 1e9,
        ranges: [
          [3999, 9000],
          [1e12, 1e12 + 5],
        ],
      },
    ],
    ['café', { ranges: [[0, 1]] }],
    ['hidden', { ranges: [[0, 1]] }],
  )
  expect(named(start)).toEqual([...ENGINE, 'app 3', 'caf\xc3\xa9 0', 'hidden 0'])
  expect(start.at(-1)?.layer).toBe(1)
  expect(files).toEqual({ all: 5, missing: 2 })
})

test('a profile of which nothing is there wants nothing, not even what engines look up: the zones are the better choice', () => {
  expect(byProfile(['gone', {}], ['app', { afterReady: true }])).toMatchObject({
    start: [],
    files: { all: 1, missing: 1 },
  })
})

test('zones are wanted whole, base layer first, hidden files too', () => {
  const wanted = wantedInZones(material.zoneEnds, material.layers)
  expect(named(wanted)).toEqual([
    ...[0, 1, 2, 3, 4].map((at) => `lib ${at}`),
    ...['unseen', 'unseen', 'unseen'],
    ...[0, 1, 2, 3].map((at) => `app ${at}`),
  ])
})

test('of all there is, what a higher layer hides is not wanted', () => {
  const wanted = named(wantedInAll(material.nodes, material.layers))
  expect(wanted).not.toContain('unseen')
  expect(new Set(wanted).size).toBe(wanted.length)
  expect(wanted.filter((name) => name.startsWith('hidden'))).toHaveLength(2)
})
