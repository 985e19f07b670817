/** Layers that are eStargz already: reused, put into another order by copying, or converted; and every compression as input. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { TOC_DIGEST_ANNOTATION } from '../../../image/estargz/format/toc.ts'
import { inflateMember } from '../../../image/estargz/read/gzip-member.ts'
import { openEstargz } from '../../../image/estargz/read/reader.ts'
import { verifyImage } from '../../../image/verify.ts'
import type { OptimizeOptions } from '../../../optimizer/options.ts'
import type { StartupFile } from '../../../optimizer/plan/startup.ts'
import { readBounded } from '../../../system/files/read-bounded.ts'
import { runCommand } from '../../../system/process/command.ts'
import { buildOracle, judge } from '../../peers/oracle/oracle.ts'
import { writeImage } from '../../support/images.ts'
import { dir, file, hardlink, symlink, tarOf } from '../../support/tar.ts'
import { tarOfItems } from '../generated-tar.ts'
import type { Item } from '../generator.ts'
import {
  layersOf,
  optimize,
  optimizeImage,
  read,
  type TestFolder,
  testFolder,
  withImage,
  withLayer,
  writeTar,
} from '../support.ts'

const items = [
  dir('d/'),
  ...Array.from({ length: 40 }, (_, index) => file(`d/${index}`, Buffer.alloc(700 * index, `${index} `))),
  hardlink('d/hard', 'd/7'),
  symlink('d/sym', '7'),
]
const options = { chunkSize: 8192 }
const plainItem: Item = {
  prefix: '',
  name: '',
  kind: 'reg',
  dialect: 'pax',
  size: 10,
  seed: 1,
  mode: 0o644,
  id: 0,
  mtime: 0,
  link: '',
  xattr: undefined,
}
let folder: TestFolder
let original = ''
let first = ''
let tar = ''

beforeAll(async () => {
  folder = await testFolder()
  original = await writeImage(join(folder.path, 'in'), { layers: [items, [file('e', 'e')]] })
  first = `oci:${join(folder.path, 'first')}:x`
  await optimize(original, first, [read('d/3'), read('d/sym')], options)
  tar = await writeTar(folder.path, 'original.tar', await tarOf(items))
})
afterAll(() => folder[Symbol.asyncDispose]())

const sound = async (reference: string, name: string) => {
  expect(await withImage(reference, (image) => verifyImage(image))).toEqual([])
  const [layer] = await layersOf(reference, join(folder.path, name))
  expect(await judge(layer?.blob ?? '', layer?.tocDigest ?? '', tar)).toBe('')
}

test('the same zone again: every layer is reused, and the image is the same', async () => {
  const to = `oci:${join(folder.path, 'same')}:x`
  const again = await optimize(first, to, [read('d/sym'), read('d/3')], options)
  expect(again.layers.map(({ how }) => how)).toEqual(['reused', 'reused'])
  expect(again.manifest.digest).toBe(await withImage(first, async (image) => image.descriptor.digest))
})

test('another zone: the compressed bytes of chunks are copied as they are', async () => {
  const to = `oci:${join(folder.path, 'other')}:x`
  const startup = [read('d/39'), read('d/hard'), read('e')]
  const again = await optimize(first, to, startup, options)
  expect(again.layers.map(({ how }) => how)).toEqual(['reordered', 'reordered'])
  await sound(to, 'other-layers')
  const bytesOf = async (reference: string) => {
    const fetched = await withImage(reference, async (image) => {
      const layer = image.layers[0]
      if (layer === undefined) throw new Error('no layer')
      const fetch = async (range: { start: number; end: number }) =>
        readBounded(await layer.open(range), range.end - range.start, 'a range')
      const { entries } = await openEstargz(layer.descriptor.size, fetch)
      const members = entries.flatMap(({ path, chunks }) => chunks.map((chunk) => ({ path, chunk })))
      return Promise.all(
        // Up to the next chunk lies more than the chunk's own member: compare what its bytes alone give.
        members.map(async ({ path, chunk }) => {
          const bytes = await fetch({ start: chunk.offset, end: chunk.end })
          return `${path} ${digestOf(bytes.subarray(0, inflateMember(bytes, { expected: 0, limit: 1 << 24 }).length))}`
        }),
      )
    })
    return fetched.sort()
  }
  expect(await bytesOf(to)).toEqual(await bytesOf(first))
})

test('a layer that the reference library wrote is taken apart, and comes out right', async () => {
  const blobPath = join(folder.path, 'foreign')
  const built = await runCommand(await buildOracle(), ['build', tar, blobPath, '9000', 'd/3'])
  const bytes = await readFile(blobPath)
  const to = `oci:${join(folder.path, 'from-foreign')}:x`
  const summary = await withImage(original, (image) =>
    optimizeImage(withLayer(image, bytes, { [TOC_DIGEST_ANNOTATION]: built.trim() }), to, [
      read('d/30'),
      read('d/hard'),
    ]),
  )
  expect(summary.layers[0]?.how).toBe('reordered')
  await sound(to, 'foreign-layers')
})

const zone = [read('d/3'), read('d/sym')]
const again = async (from: string, startup: StartupFile[], asked: Partial<OptimizeOptions>, name: string) => {
  const { layers } = await optimize(from, `oci:${join(folder.path, name)}:x`, startup, asked)
  return layers.map(({ how, why }) => (why === undefined ? how : `${how}: ${why}`))[0]
}

test('a format that is not asked for stays; one that is asked for comes out', async () => {
  expect(await again(first, zone, {}, 'no-format')).toBe('reused')
  expect(await again(first, zone, { chunkSize: 8192, minChunkSize: 0, level: 6 }, 'own-format')).toBe(
    'reused',
  )
  expect(await again(first, [read('d/1')], {}, 'no-format-moved')).toBe('reordered')
  for (const startup of [zone, [read('d/1')]]) {
    expect(await again(first, startup, { chunkSize: 16384 }, 'chunks')).toBe(
      'converted: its files are not in chunks of 16384 bytes',
    )
    expect(await again(first, startup, { level: 9 }, 'level')).toBe(
      'converted: its members are not compressed at level 9',
    )
    expect(await again(first, startup, { minChunkSize: 30_000 }, 'packing')).toBe(
      'converted: its small files are not packed together up to 30000 bytes',
    )
  }
})

test('small files that are packed together stay so in another order', async () => {
  const packed = `oci:${join(folder.path, 'stays-packed')}:x`
  await optimize(original, packed, zone, { ...options, minChunkSize: 30_000 })
  const size = await withImage(packed, async (image) => image.layers[0]?.descriptor.size ?? 0)
  expect(await again(packed, zone, { minChunkSize: 30_000 }, 'packed-same')).toBe('reused')
  expect(await again(packed, zone, { minChunkSize: 0 }, 'packed-apart')).toBe(
    'converted: its small files are packed together',
  )
  expect(await again(packed, [read('d/9')], {}, 'packed-moved')).toBe('reordered')
  const moved = `oci:${join(folder.path, 'packed-moved')}:x`
  expect(await withImage(moved, (image) => verifyImage(image))).toEqual([])
  const movedSize = await withImage(moved, async (image) => image.layers[0]?.descriptor.size ?? 0)
  expect(movedSize).toBeLessThan(size * 1.1)
  expect(movedSize).toBeLessThan(
    await withImage(first, async (image) => image.layers[0]?.descriptor.size ?? 0),
  )
})

test('a damaged layer is not reused: it is converted', async () => {
  // The library loses what is no UTF-8 in a name; the tar beside it has it.
  const odd = await writeTar(folder.path, 'odd.tar', tarOfItems([{ ...plainItem, name: 'a\xff' }]))
  const path = join(folder.path, 'odd')
  const tocDigest = (await runCommand(await buildOracle(), ['build', odd, path, '9000'])).trim()
  const bytes = await readFile(path)
  const to = `oci:${join(folder.path, 'odd-out')}:x`
  const { layers } = await withImage(original, (image) =>
    optimizeImage(withLayer(image, bytes, { [TOC_DIGEST_ANNOTATION]: tocDigest }), to, []),
  )
  expect(layers[0]?.how).toBe('converted')
  expect(layers[0]?.why).toMatch(/^it is damaged: .*the table of contents has/)
  expect(await withImage(to, (image) => verifyImage(image))).toEqual([])
})

test('a damaged member is noticed on the way, not passed on', async () => {
  const [layer] = await layersOf(first, join(folder.path, 'damaged'))
  const bytes = await readFile(layer?.blob ?? '')
  for (let at = bytes.length >> 1; at < (bytes.length >> 1) + 40; at++)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at)
  const to = `oci:${join(folder.path, 'never')}:x`
  const attempt = withImage(first, (image) =>
    optimizeImage(
      withLayer(image, bytes, { [TOC_DIGEST_ANNOTATION]: layer?.tocDigest ?? '' }),
      to,
      [read('d/30')],
      options,
    ),
  )
  await expect(attempt).rejects.toMatchObject({ code: expect.stringMatching(/^E_(DIGEST|ESTARGZ)$/) })
})

test('layers that are not to change keep their digest', async () => {
  const to = `oci:${join(folder.path, 'only')}:x`
  const summary = await optimize(original, to, [read('d/3'), read('e')], { onlyLayers: [1] })
  expect(summary.layers.map(({ how }) => how)).toEqual(['kept', 'converted'])
  expect(summary.layers[0]?.result.digest).toBe(summary.layers[0]?.source.digest)
})

test.each([
  ['plain tar', (bytes: Buffer) => bytes],
  ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
  [
    'zstd of several frames',
    (bytes: Buffer) =>
      Buffer.concat([zstdCompressSync(bytes.subarray(0, 5000)), zstdCompressSync(bytes.subarray(5000))]),
  ],
  [
    'gzip of several members',
    (bytes: Buffer) => Buffer.concat([gzipSync(bytes.subarray(0, 5000)), gzipSync(bytes.subarray(5000))]),
  ],
])('from %s comes the same layer', async (name, pack) => {
  const startup = [read('d/3'), read('d/sym')]
  const want = await withImage(first, async (image) => image.layers[0]?.descriptor.digest)
  const bytes = pack(await readFile(tar))
  const summary = await withImage(original, (image) =>
    optimizeImage(withLayer(image, bytes), `oci:${join(folder.path, name)}:x`, startup, options),
  )
  expect(summary.layers[0]?.result.digest).toBe(want)
})

test('small files share members with minChunkSize, and read back right', async () => {
  const to = `oci:${join(folder.path, 'packed')}:x`
  const packed = await optimize(original, to, [read('d/3'), read('d/4')], {
    ...options,
    minChunkSize: 30_000,
  })
  expect(await withImage(to, (image) => verifyImage(image))).toEqual([])
  const plain = await withImage(first, async (image) => image.layers[0]?.descriptor.size)
  expect(packed.layers[0]?.result.size).toBeLessThan(plain ?? 0)
  const [layer] = await layersOf(to, join(folder.path, 'packed-layers'))
  // The library of the distribution predates innerOffset, so the stream is compared instead.
  const stream = gunzipSync(await readFile(layer?.blob ?? ''))
  const names = await runCommand('tar', ['-tf', await writeTar(folder.path, 'packed.tar', stream)])
  expect(
    names
      .split('\n')
      .filter((line) => line.startsWith('d/'))
      .sort(),
  ).toEqual(items.map(({ name: item }) => item).sort())
})

test('a hardlink to a file of a lower layer becomes a copy, in the zone where the start reads it', async () => {
  const from = await writeImage(join(folder.path, 'links'), {
    layers: [
      [file('below', 'content '.repeat(2000), { mode: 0o640, uid: 7, pax: { 'SCHILY.xattr.user.k': 'v' } })],
      [hardlink('first', 'below'), hardlink('second', 'below'), file('z', 'z')],
    ],
  })
  const to = `oci:${join(folder.path, 'links-out')}:x`
  const summary = await optimize(from, to, [read('second')], options)
  expect(summary.layers.map(({ zoneEntries }) => zoneEntries)).toEqual([0, 2])
  expect(await withImage(to, (image) => verifyImage(image))).toEqual([])
  const [, layer] = await layersOf(to, join(folder.path, 'links-layers'))
  const tree = await runCommand('tar', ['-tvf', layer?.tar ?? '', '--numeric-owner'])
  expect(tree).toMatch(/-rw-r----- 7\/0 +16000 .* first\n/)
  expect(tree).toMatch(/second link to first/)
  const content = await runCommand('tar', ['-xOf', layer?.tar ?? '', 'first'])
  expect(content).toBe('content '.repeat(2000))
})

test('a hardlink into a layer that is kept finds the last of its files of that name', async () => {
  const from = await writeImage(join(folder.path, 'kept'), {
    layers: [
      [file('below', 'old'), file('other', 'x'), file('below', 'new '.repeat(50_000)), file('z', 'z')],
      [hardlink('link', 'below'), file('y', 'y')],
    ],
  })
  const to = `oci:${join(folder.path, 'kept-out')}:x`
  const { layers } = await optimize(from, to, [], { onlyLayers: [1] })
  expect(layers.map(({ how }) => how)).toEqual(['kept', 'converted'])
  const [, layer] = await layersOf(to, join(folder.path, 'kept-layers'))
  expect(await runCommand('tar', ['-xOf', layer?.tar ?? '', 'link'])).toBe('new '.repeat(50_000))
  expect(await runCommand('tar', ['-xOf', layer?.tar ?? '', 'y'])).toBe('y')
})
