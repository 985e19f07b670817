/** The verifier: silent on what is sound, and exact on what is not. Each fault is made in a layer that is right but for it. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../image/digest.ts'
import { encodeFooter, FOOTER_BYTES, parseFooter } from '../../image/estargz/format/footer.ts'
import {
  encodeToc,
  parseToc,
  TOC_DIGEST_ANNOTATION,
  TOC_NAME,
  type TocEntry,
} from '../../image/estargz/format/toc.ts'
import { unpackToc } from '../../image/estargz/read/reader.ts'
import { openSource } from '../../image/sources.ts'
import { END_OF_TAR, plainFileHeader } from '../../image/tar/encode.ts'
import { paddingOf } from '../../image/tar/entry.ts'
import type { Image } from '../../image/types.ts'
import { type Problem, verifyImage } from '../../image/verify.ts'
import { writeImage } from '../support/images.ts'
import { dir, file, hardlink, symlink, tarOf } from '../support/tar.ts'
import { writeInMemory } from './estargz/in-memory.ts'
import { streamOf } from './estargz/stream.ts'

let folder: AsyncDisposable & { readonly path: string }
let plain = ''
let blob: Buffer = Buffer.alloc(0)

beforeAll(async () => {
  folder = await mkdtempDisposable(join(tmpdir(), 'hs-verify-'))
  const items = [
    dir('d/'),
    file('d/a', 'a'.repeat(1000), { pax: { 'SCHILY.xattr.user.k': 'v' } }),
    file('d/big', Buffer.alloc(9000, 'big ')),
    hardlink('d/h', 'd/a'),
    symlink('d/s', 'a'),
    file('d/z', 'last'),
  ]
  plain = await writeImage(join(folder.path, 'plain'), { layers: [items] })
  blob = (await writeInMemory(await tarOf(items), ['d/big'])).bytes
})
afterAll(() => folder[Symbol.asyncDispose]())

async function withPlain<T>(work: (image: Image) => Promise<T>): Promise<T> {
  await using source = await openSource(plain)
  return await work(await source.image())
}

/** The image with these bytes as its layer; every digest that isn't the point of the test is made to fit. */
async function problemsOf(
  bytes: Buffer,
  change: (image: Image) => Image = (image) => image,
): Promise<Problem[]> {
  const footer = parseFooter(bytes.subarray(-FOOTER_BYTES), bytes.length)
  const toc = unpackToc(bytes.subarray(footer?.tocOffset, footer?.start))
  return withPlain((image) => {
    const layers = image.layers.map((layer) => ({
      diffId: digestOf(gunzipSync(bytes)),
      descriptor: {
        ...layer.descriptor,
        digest: digestOf(bytes),
        size: bytes.length,
        annotations: { [TOC_DIGEST_ANNOTATION]: digestOf(toc) },
      },
      open: async (range?: { start: number; end: number }) =>
        streamOf(bytes.subarray(range?.start, range?.end)),
    }))
    return verifyImage(change({ ...image, layers }))
  })
}

/** The blob with another table of contents. */
function withToc(change: (entries: TocEntry[]) => TocEntry[]): Buffer {
  const { tocOffset = 0, start = 0 } = parseFooter(blob.subarray(-FOOTER_BYTES), blob.length) ?? {}
  const toc = Buffer.concat([...encodeToc(change(parseToc(unpackToc(blob.subarray(tocOffset, start)))))])
  const tar = Buffer.concat([
    plainFileHeader(TOC_NAME, toc.length),
    toc,
    Buffer.alloc(paddingOf(toc.length)),
    END_OF_TAR,
  ])
  return Buffer.concat([blob.subarray(0, tocOffset), gzipSync(tar), encodeFooter(tocOffset)])
}

const edit = (name: string, change: Partial<TocEntry>) => (entries: TocEntry[]) =>
  entries.map((entry) => (entry.name === name && entry.type !== 'chunk' ? { ...entry, ...change } : entry))

test('a sound image has no problems', async () => {
  expect(await problemsOf(blob)).toEqual([])
})

const other = digestOf('other')
const faults: [string, (entries: TocEntry[]) => TocEntry[], string | undefined, RegExp][] = [
  ['mode', edit('d/z', { mode: 0o600 }), 'd/z', /mode is "600", but the tar says "644"/],
  ['owner', edit('d/z', { uid: 5 }), 'd/z', /owner is 5, but the tar says 0/],
  ['time', edit('d/z', { modtime: '2001-01-01T00:00:00Z' }), 'd/z', /time is 978307200/],
  ['type', edit('d/s', { type: 'fifo' }), 'd/s', /type is "fifo"/],
  ['link', edit('d/s', { linkName: 'b' }), 'd/s', /link target is "b"/],
  ['xattr', edit('d/a', { xattrs: {} }), 'd/a', /xattr user.k is missing/],
  ['added xattr', edit('d/z', { xattrs: { 'user.new': 'AA==' } }), 'd/z', /no xattr user.new/],
  ['file digest', edit('d/z', { digest: other }), 'd/z', /its entry says sha256:/],
  ['chunk digest', edit('d/big', { chunkDigest: other }), 'd/big', /chunk at \d+ has the digest/],
  ['name', edit('d/z', { name: 'd/y' }), 'd/z', /has "d\/y" in this place/],
  ['missing entry', (entries) => entries.filter(({ name }) => name !== 'd/z'), 'd/z', /in this place/],
  [
    'added entry',
    (entries) => [...entries, { name: 'more', type: 'dir' }],
    undefined,
    /that the tar lacks: 1/,
  ],
  [
    'missing landmark, which the tar has',
    (entries) => entries.filter(({ name }) => !name.includes('landmark')),
    '.prefetch.landmark',
    /in this place/,
  ],
  ['landmark', edit('.prefetch.landmark', { digest: other }), undefined, /not a file of one byte/],
  ['hardlink', edit('d/h', { linkName: 'd/none' }), 'd/h', /links to "d\/none"/],
  [
    'hardlink to itself',
    edit('d/h', { linkName: './d/h' }),
    'd/h',
    /links to "d\/h", which leads back to it/,
  ],
  ['hardlink to a folder', edit('d/h', { linkName: 'd' }), 'd/h', /links to "d", which is a directory/],
  ['hardlink to the root', edit('d/h', { linkName: '/' }), 'd/h', /links to "", which this layer/],
  [
    'hardlink to what follows',
    edit('d/h', { linkName: 'd/z' }),
    'd/h',
    /links to "d\/z", which comes after it/,
  ],
  [
    'ring of hardlinks',
    (entries) =>
      edit('d/h', { linkName: 'd/s' })(edit('d/s', { type: 'hardlink', linkName: 'd/h' })(entries)),
    'd/h',
    /leads back to it/,
  ],
  ['no chunk digest', edit('d/big', { chunkDigest: undefined }), 'd/big', /no digest/],
]
test.each(faults)('a wrong %s in the table of contents is named', async (_, change, path, message) => {
  const problems = await problemsOf(withToc(change))
  expect(problems).toContainEqual({ layer: 0, path, message: expect.stringMatching(message) })
})

test('empty files in a row whose headers are more than a member may hold, as those of a million are', async () => {
  const comment = 'x'.repeat(60_000)
  const items = Array.from({ length: 1200 }, (_, at) => file(`f${at}`, '', { pax: { comment } }))
  const { bytes } = await writeInMemory(await tarOf(items), [])
  expect(await problemsOf(bytes)).toEqual([])
})

test('an offset that is not that of its chunk is a problem, with the name of the file', async () => {
  const problems = await problemsOf(
    withToc((entries) =>
      entries.map((entry) => (entry.name === 'd/z' ? { ...entry, offset: (entry.offset ?? 0) - 1 } : entry)),
    ),
  )
  expect(problems.map(({ path }) => path)).toContain('d/z')
})

test('diffID, digests of manifest and config, Docker manifests: each is told', async () => {
  const [diffId] = await problemsOf(blob, (image) => ({
    ...image,
    layers: image.layers.map((layer) => ({ ...layer, diffId: other })),
  }))
  expect(diffId?.message).toMatch(/diffID is sha256:.*, but the config says sha256:/)
  const [manifest] = await problemsOf(blob, (image) => ({ ...image, rawManifest: Buffer.from('{}') }))
  expect(manifest).toMatchObject({ layer: undefined, message: expect.stringMatching(/manifest's digest/) })
  const docker = 'application/vnd.docker.distribution.manifest.v2+json'
  const [old] = await problemsOf(blob, (image) => ({
    ...image,
    manifest: { ...image.manifest, mediaType: docker },
  }))
  expect(old?.message).toMatch(/can't carry/)
})

test('an image that was never converted is told so', async () => {
  const problems = await withPlain((image) => verifyImage(image))
  expect(problems).toEqual([
    {
      code: 'E_NOT_ESTARGZ',
      layer: undefined,
      path: undefined,
      message: 'it is not eStargz: none of its layers has a table of contents',
    },
  ])
})

test('one layer among others that was not converted is named once', async () => {
  const problems = await withPlain((image) =>
    problemsOf(blob, (converted) => ({ ...converted, layers: [...converted.layers, ...image.layers] })),
  )
  expect(problems.filter(({ layer }) => layer === 1)).toEqual([
    { layer: 1, path: undefined, message: 'not an eStargz layer' },
  ])
})
