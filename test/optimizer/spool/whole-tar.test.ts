/** Layers that keep their diffIDs: what they unpack to stays byte for byte, however odd the tar; what a lazy runtime could not read is refused. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FORMATS as FORMATS_OF, type FormatName } from '../../../image/estargz/format/formats.ts'
import { encodeHeader, NOBODY } from '../../../image/tar/encode.ts'
import { openTarget } from '../../../image/targets.ts'
import { verifyImage } from '../../../image/verify.ts'
import { rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { runCommand } from '../../../system/process/command.ts'
import { judge } from '../../peers/oracle/oracle.ts'
import { startPartialStore } from '../../peers/partial/partial.ts'
import { writeImage } from '../../support/images.ts'
import { dir, file, hardlink, type TarItem, tarOf } from '../../support/tar.ts'
import { layersOf, optimize, read, type TestFolder, testFolder, withImage } from '../support.ts'

let folder: TestFolder
let registry: TestRegistry
let count = 0

beforeAll(async () => {
  folder = await testFolder()
  registry = await startRegistry()
})

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const imageOf = (...layers: readonly (readonly TarItem[] | Buffer)[]) =>
  writeImage(join(folder.path, `in-${++count}`), { layers })

/** With a trace, which asks for what can't be done. */
async function kept(from: string, format: FormatName): Promise<string> {
  const to = `docker://${registry.host}/kept:v${++count}`
  await using target = await openTarget(to)
  await withImage(from, (image) =>
    rebuildImage({
      image,
      target,
      startup: [read('bin/app')],
      options: { format, keepDiffId: true, threads: 1, chunkSize: 8192 },
    }),
  )
  return to
}

const configDigest = (reference: string) =>
  withImage(reference, async ({ manifest, config }) => ({
    digest: manifest.config.digest,
    diffIds: config.diffIds,
  }))

const APP = randomBytes(30_001)
const PLAIN = [
  dir('bin/'),
  file('bin/app', APP),
  hardlink('bin/same', 'bin/app'),
  file('empty'),
  file('a', 'a'),
]

/** No padding behind the last file; bytes that are not zero in the padding; GNU tar's end, and what nobody reads behind it. */
async function oddTar(): Promise<Buffer> {
  const tar = await tarOf(PLAIN)
  const at = tar.indexOf(APP) + APP.length
  tar.fill('x', at, at + 20)
  return Buffer.concat([tar, Buffer.alloc(7000), Buffer.from('behind the end')])
}

const cut = async () => (await tarOf([...PLAIN, file('last', 'cut')])).subarray(0, -1024 - 509)

const FORMATS = ['estargz+external-toc', 'zstd:chunked', 'zstd:chunked+podman'] as const

describe.each(FORMATS)('%s', (format) => {
  test('config and diffIDs stay; the layers verify, and the format’s own library reads them', async () => {
    const from = await imageOf(PLAIN, await oddTar(), await cut())
    const to = await kept(from, format)
    expect(await configDigest(to)).toEqual(await configDigest(from))
    const before = await layersOf(from, join(folder.path, `before-${count}`))
    const after = await layersOf(to, join(folder.path, `after-${count}`))
    await withImage(to, async (image) => {
      expect(await verifyImage(image)).toEqual([])
      for (const [index, { blob, tar, tocDigest }] of after.entries()) {
        await runCommand('cmp', [tar, before[index]?.tar ?? ''])
        if (format === 'zstd:chunked+podman') continue
        const layer = { noLandmark: true, ...(await externalToc(image.layers[index], blob)) }
        expect(await judge(blob, tocDigest, tar, layer)).toBe('')
      }
    })
  })

  test('it may be done again, and from one format to another', async () => {
    const from = await imageOf(PLAIN, await oddTar())
    for (const first of FORMATS) {
      const to = await kept(await kept(from, first), format)
      expect(await configDigest(to)).toEqual(await configDigest(from))
      await withImage(to, async (image) => {
        expect(await verifyImage(image)).toEqual([])
        const known = image.layers.map(
          ({ descriptor }) => descriptor.annotations?.[FORMATS_OF[format].knownBy],
        )
        expect(known).not.toContain(undefined)
      })
    }
  })
})

async function externalToc(layer: { externalToc?(): Promise<Buffer> } | undefined, blob: string) {
  const toc = await layer?.externalToc?.().catch(() => undefined)
  if (toc === undefined) return {}
  await writeFile(`${blob}.toc`, toc)
  return { externalToc: `${blob}.toc` }
}

test('containers/storage pulls such layers in pieces, and gets the diffID out of them', async () => {
  const from = await imageOf(PLAIN, await oddTar(), await cut())
  const to = await kept(from, 'zstd:chunked+podman')
  await using store = await startPartialStore()
  await withImage(to, async (image) => {
    const pulled = await store.pull(image, `${registry.url}/v2/kept/blobs`)
    expect(pulled.map(({ diffId }) => diffId)).toEqual(image.config.diffIds)
  })
})

const sparse = () => {
  const records: [string, string][] = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', 'holes'],
    ['GNU.sparse.realsize', '9000'],
  ]
  const map = Buffer.alloc(512)
  map.write('0\n')
  const fields = { ...NOBODY, mode: 0o644, name: 'x', size: 512, flag: '0' }
  return Buffer.concat([encodeHeader(fields, records), map, Buffer.alloc(1024)])
}

test.each([
  ['a sparse file', async () => sparse(), /"holes" is stored without its holes/],
  ['a name twice', () => tarOf([file('a', '1'), file('a', '2')]), /"a" is there twice/],
  [
    'a link to a lower layer',
    () => tarOf([hardlink('b', 'gone')]),
    /"b" links to "gone", which this layer doesn't have/,
  ],
  [
    'a table of contents',
    () => tarOf([file('stargz.index.json', '{}')]),
    /would be a part of the layer twice/,
  ],
])('%s can’t stay: one line, nothing half-written', async (_, tar, message) => {
  const from = await imageOf(await tar())
  await expect(kept(from, 'zstd:chunked')).rejects.toMatchObject({
    code: 'E_DIFF_ID',
    message: expect.stringMatching(message),
    hint: 'Leave out --keep-diff-id',
  })
  await using target = await openTarget(`docker://${registry.host}/kept:v${count}`)
  await target.prepare({ force: false })
})

test('a config that names another diffID than the layer has', async () => {
  const from = await imageOf(PLAIN)
  await withImage(from, async (image) => {
    const layers = image.layers.map((layer) => ({ ...layer, diffId: layer.descriptor.digest }))
    await using target = await openTarget(`docker://${registry.host}/kept:v${++count}`)
    const options = { format: 'zstd:chunked', keepDiffId: true } as const
    await expect(
      rebuildImage({ image: { ...image, layers }, target, startup: [], options }),
    ).rejects.toMatchObject({
      code: 'E_DIGEST',
    })
  })
})

test('eStargz itself can’t: its table of contents is in the tar', async () => {
  const from = await imageOf(PLAIN)
  await expect(
    optimize(from, `oci:${join(folder.path, 'none')}:x`, [], { keepDiffId: true }),
  ).rejects.toMatchObject({ code: 'E_OPTION', message: expect.stringMatching(/can't keep their diffIDs/) })
})
