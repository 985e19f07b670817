/** Hostile layers, manifests, configs, indexes, layouts and archives: each ends in one line that says what is wrong. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bytesBlob } from '../../image/blob.ts'
import { digestOf } from '../../image/digest.ts'
import { parseConfig, parseManifest } from '../../image/manifest.ts'
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../image/media-types.ts'
import { parsePlatform, selectPlatform } from '../../image/platform.ts'
import { unpackLayers } from '../../image/rootfs/unpack/layers.ts'
import { openSource } from '../../image/sources.ts'
import { END_OF_TAR, plainFileHeader } from '../../image/tar/encode.ts'
import { HeadstartError } from '../../system/errors.ts'
import { dir, file, tarOf } from '../support/tar.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const LAYER = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: DIGEST, size: 1 }
const CONFIG = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: DIGEST, size: 1 }
const MANIFEST = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: CONFIG, layers: [LAYER] }
const INDEX = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...LAYER, mediaType: OCI_MANIFEST }] }
const IMAGE_CONFIG = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [DIGEST] } }

let folder: string
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-hostile-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Whatever it was, it is one line of ours, short enough to read. */
async function refusal(work: () => unknown): Promise<string> {
  const error = await (async () => work())().then(
    () => new Error('it was taken'),
    (cause: unknown) => cause,
  )
  if (!(error instanceof HeadstartError)) throw error
  const { message } = error
  expect(message).not.toMatch(/[\n\r\0]/)
  expect(message.length).toBeLessThan(600)
  return message
}

const json = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))

test.each<[string, unknown, string | undefined, RegExp]>([
  ['no JSON', '{', undefined, /is not JSON/],
  ['bytes that are no text', Buffer.from([0xff, 0xfe]).toString('latin1'), undefined, /is not JSON/],
  ['a list', [], undefined, /wrong/],
  ['null', null, undefined, /wrong/],
  ['a number', 7, undefined, /wrong/],
  ['nothing in it', {}, undefined, /wrong: schemaVersion/],
  ['version 1', { schemaVersion: 1 }, undefined, /retired media type/],
  ['version 3', { ...MANIFEST, schemaVersion: 3 }, undefined, /schemaVersion/],
  [
    'an unknown type',
    { ...MANIFEST, mediaType: 'text/html' },
    undefined,
    /"text\/html", which is none of an image/,
  ],
  ['another type than its descriptor', MANIFEST, DOCKER_MANIFEST, /calls itself .*oci.* says .*docker/],
  [
    'an index that calls itself a manifest',
    { ...INDEX, mediaType: OCI_MANIFEST },
    undefined,
    /wrong: config/,
  ],
  [
    'a manifest that calls itself an index',
    { ...MANIFEST, mediaType: OCI_INDEX },
    undefined,
    /wrong: manifests/,
  ],
  ['both at once', { ...MANIFEST, manifests: [] }, undefined, /both manifests and layers/],
  ['no config', { ...MANIFEST, config: undefined }, undefined, /config/],
  ['no layers', { ...MANIFEST, layers: undefined }, undefined, /layers/],
  ['layers that are no list', { ...MANIFEST, layers: {} }, undefined, /layers/],
  [
    'a config of Helm',
    { ...MANIFEST, config: { ...CONFIG, mediaType: 'application/vnd.cncf.helm.config.v1+json' } },
    undefined,
    /helm/,
  ],
  [
    'a layer of Wasm',
    { ...MANIFEST, layers: [{ ...LAYER, mediaType: 'application/wasm' }] },
    undefined,
    /a layer has the media type "application\/wasm"/,
  ],
  [
    'an encrypted layer',
    { ...MANIFEST, layers: [{ ...LAYER, mediaType: `${LAYER.mediaType}+encrypted` }] },
    undefined,
    /encrypted/,
  ],
  [
    'a type a mile long',
    { ...MANIFEST, layers: [{ ...LAYER, mediaType: 'x'.repeat(100_000) }] },
    undefined,
    /a layer has/,
  ],
  ['a negative size', { ...MANIFEST, layers: [{ ...LAYER, size: -1 }] }, undefined, /layers\.0\.size/],
  ['half a byte', { ...MANIFEST, layers: [{ ...LAYER, size: 0.5 }] }, undefined, /layers\.0\.size/],
  [
    'more bytes than a number holds',
    { ...MANIFEST, layers: [{ ...LAYER, size: 1e300 }] },
    undefined,
    /layers\.0\.size/,
  ],
  ['a size that is text', { ...MANIFEST, layers: [{ ...LAYER, size: '1' }] }, undefined, /layers\.0\.size/],
  [
    'a digest of another kind',
    { ...MANIFEST, layers: [{ ...LAYER, digest: `sha512:${'a'.repeat(128)}` }] },
    undefined,
    /only sha256/,
  ],
  [
    'a digest that is a path',
    { ...MANIFEST, layers: [{ ...LAYER, digest: 'sha256:../../etc/passwd' }] },
    undefined,
    /64 lower-case hex/,
  ],
  [
    'a digest in upper case',
    { ...MANIFEST, layers: [{ ...LAYER, digest: DIGEST.toUpperCase() }] },
    undefined,
    /layers\.0\.digest/,
  ],
  ['a hundred thousand layers', { ...MANIFEST, layers: new Array(100_000).fill(0) }, undefined, /layers/],
  ['annotations that are no text', { ...MANIFEST, annotations: { a: 1 } }, undefined, /annotations/],
  ['more than a manifest may have', ' '.repeat((4 << 20) + 1), undefined, /larger than 4194304 bytes/],
  ['nesting without end', '['.repeat(100_000), undefined, /is not JSON/],
])('manifest: %s', async (_, value, mediaType, why) => {
  expect(await refusal(() => parseManifest(json(value), mediaType, 'app'))).toMatch(why)
})

test.each<[string, unknown, RegExp]>([
  ['no JSON', 'x', /config of app is not JSON/],
  ['no root file system', { ...IMAGE_CONFIG, rootfs: undefined }, /rootfs/],
  [
    'layers of another kind',
    { ...IMAGE_CONFIG, rootfs: { type: 'layers+base', diff_ids: [] } },
    /rootfs\.type/,
  ],
  ['a diffID that is none', { ...IMAGE_CONFIG, rootfs: { type: 'layers', diff_ids: ['x'] } }, /diff_ids\.0/],
  ['no architecture', { ...IMAGE_CONFIG, architecture: undefined }, /architecture/],
  ['an environment that is no list', { ...IMAGE_CONFIG, config: { Env: 'A=b' } }, /config\.Env/],
  ['a command of numbers', { ...IMAGE_CONFIG, config: { Cmd: [1] } }, /config\.Cmd\.0/],
  ['more than a config may have', ' '.repeat((16 << 20) + 1), /larger than/],
])('config: %s', async (_, value, why) => {
  expect(await refusal(() => parseConfig(json(value), 'app'))).toMatch(why)
})

test.each<[string, unknown, string, RegExp]>([
  [
    'a manifest without a digest',
    { ...INDEX, manifests: [{ mediaType: OCI_MANIFEST, size: 1 }] },
    OCI_INDEX,
    /manifests\.0\.digest/,
  ],
  ['manifests that are no list', { ...INDEX, manifests: 'x' }, OCI_INDEX, /manifests/],
  [
    'a list of Docker’s with a platform that is none',
    { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [{ ...LAYER, platform: 'linux' }] },
    DOCKER_LIST,
    /platform/,
  ],
])('index: %s', async (_, value, type, why) => {
  expect(await refusal(() => parseManifest(json(value), type, 'app'))).toMatch(why)
})

test.each(['linux', 'linux/', '/amd64', 'linux/amd64/v8/x', 'LINUX/amd64', ''])(
  'no platform: %j',
  async (text) => {
    expect(await refusal(() => parsePlatform(text))).toMatch(/is no platform/)
  },
)

test('an index without the platform names those it has', async () => {
  const manifests = ['arm64', 's390x'].map((architecture) => ({
    mediaType: OCI_MANIFEST,
    digest: digestOf(architecture),
    size: 1,
    platform: { os: 'linux', architecture },
  }))
  expect(() => selectPlatform(manifests, { os: 'linux', architecture: 'amd64' }, 'app')).toThrow(
    expect.objectContaining({ hint: 'It has: linux/arm64, linux/s390x' }),
  )
})

/** An OCI layout of whatever is given: what is not `blobs` is a file of that name. */
async function layout(files: Record<string, unknown>, blobs: readonly Buffer[] = []): Promise<string> {
  const place = join(folder, `layout-${++count}`)
  await mkdir(join(place, 'blobs/sha256'), { recursive: true })
  const all = { 'oci-layout': { imageLayoutVersion: '1.0.0' }, ...files }
  for (const [name, value] of Object.entries(all))
    if (value !== undefined) await writeFile(join(place, name), json(value))
  for (const blob of blobs) await writeFile(join(place, 'blobs/sha256', digestOf(blob).slice(7)), blob)
  return place
}

const described = (bytes: Buffer, mediaType: string) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
})

async function openImage(place: string) {
  await using source = await openSource(place)
  const image = await source.image()
  for (const layer of image.layers) for await (const _ of await layer.open());
  return image
}

describe('layouts', () => {
  const layer = gzipSync(Buffer.alloc(1024))
  const config = json({
    ...IMAGE_CONFIG,
    rootfs: { type: 'layers', diff_ids: [digestOf(Buffer.alloc(1024))] },
  })
  const good = json({
    ...MANIFEST,
    config: described(config, CONFIG.mediaType),
    layers: [described(layer, LAYER.mediaType)],
  })
  const indexOf = (...manifests: object[]) => ({ schemaVersion: 2, manifests })
  const whole = indexOf(described(good, OCI_MANIFEST))

  test('the good one is taken', async () => {
    const place = await layout({ 'index.json': whole }, [layer, config, good])
    expect((await openImage(`oci:${place}`)).layers).toHaveLength(1)
  })

  test.each<[string, () => Promise<string>, RegExp]>([
    ['a folder that isn’t there', async () => join(folder, 'none'), /is no OCI layout/],
    [
      'a folder without a layout',
      () => layout({ 'oci-layout': undefined, 'index.json': whole }),
      /is no OCI layout/,
    ],
    [
      'a layout of version 2',
      () => layout({ 'oci-layout': { imageLayoutVersion: '2.0.0' }, 'index.json': whole }),
      /layout version "2.0.0"/,
    ],
    ['an index that is no JSON', () => layout({ 'index.json': '{' }), /is not JSON/],
    [
      'an index of another form',
      () => layout({ 'index.json': { schemaVersion: 2, manifests: 1 } }),
      /manifests/,
    ],
    [
      'a descriptor with a path',
      () => layout({ 'index.json': indexOf({ ...LAYER, digest: 'sha256:../../x' }) }),
      /manifests\.0\.digest/,
    ],
    ['an index without images', () => layout({ 'index.json': indexOf() }), /is not there/],
    [
      'two images and no tag',
      () =>
        layout({
          'index.json': indexOf(
            ...[1, 2].map((n) => ({
              ...described(good, OCI_MANIFEST),
              annotations: { 'org.opencontainers.image.ref.name': `v${n}` },
            })),
          ),
        }),
      /holds 2 images; say which/,
    ],
    ['a manifest that is missing', () => layout({ 'index.json': whole }), /ENOENT|lacks/],
    [
      'a manifest that was changed',
      () =>
        layout({ 'index.json': indexOf({ ...described(good, OCI_MANIFEST), digest: digestOf(layer) }) }, [
          layer,
        ]),
      /bytes; its descriptor says/,
    ],
    ['a config that is missing', () => layout({ 'index.json': whole }, [layer, good]), /lacks the blob/],
    ['a layer that is missing', () => layout({ 'index.json': whole }, [config, good]), /lacks the blob/],
    [
      'a config of a terabyte',
      async () => {
        const bytes = json({ ...MANIFEST, config: { ...CONFIG, size: 1e12 } })
        return layout({ 'index.json': indexOf(described(bytes, OCI_MANIFEST)) }, [bytes])
      },
      /claims 1000000000000 bytes/,
    ],
    [
      'another number of layers than its config',
      async () => {
        const bytes = json({ ...MANIFEST, config: described(config, CONFIG.mediaType), layers: [] })
        return layout({ 'index.json': indexOf(described(bytes, OCI_MANIFEST)) }, [bytes, config])
      },
      /has 0 layers; its config names 1/,
    ],
    [
      'an index inside an index',
      async () => {
        const inner = json({ ...INDEX, manifests: [] })
        const outer = json({
          ...INDEX,
          manifests: [{ ...described(inner, OCI_INDEX), platform: { os: 'linux', architecture: 'amd64' } }],
        })
        return layout({ 'index.json': indexOf(described(outer, OCI_INDEX)) }, [inner, outer])
      },
      /no image for linux/,
    ],
    [
      'a layer whose bytes were changed',
      async () => {
        const place = await layout({ 'index.json': whole }, [layer, config, good])
        await writeFile(join(place, 'blobs/sha256', digestOf(layer).slice(7)), Buffer.alloc(layer.length))
        return place
      },
      /has the digest .*; its descriptor says/,
    ],
    [
      'a layer that grew',
      async () => {
        const place = await layout({ 'index.json': whole }, [layer, config, good])
        await writeFile(join(place, 'blobs/sha256', digestOf(layer).slice(7)), Buffer.concat([layer, layer]))
        return place
      },
      /bytes; its descriptor says/,
    ],
  ])('%s', async (_, make, why) => {
    const place = await make()
    expect(await refusal(() => openImage(`oci:${place}`))).toMatch(why)
  })
})

async function archive(bytes: Buffer): Promise<string> {
  const path = join(folder, `archive-${++count}.tar`)
  await writeFile(path, bytes)
  return path
}

test.each<[string, () => Promise<string>, RegExp]>([
  ['a file that isn’t there', async () => 'docker-archive:/nowhere.tar', /can't be read: ENOENT/],
  ['a folder', async () => `docker-archive:${folder}`, /is not a file/],
  [
    'one packed with bzip2',
    async () => `docker-archive:${await archive(compressed('bzip2'))}`,
    /is compressed with bzip2, which is not supported/,
  ],
  ['no tar', async () => `docker-archive:${await archive(Buffer.alloc(4096, 'x'))}`, /tar/],
  ['an empty file', async () => `docker-archive:${await archive(Buffer.alloc(0))}`, /has no "manifest.json"/],
  [
    'gzip that isn’t',
    async () => `docker-archive:${await archive(Buffer.from([0x1f, 0x8b, 1, 2, 3, 4]))}`,
    /can't be decompressed/,
  ],
  [
    'a manifest that is no list',
    async () => `docker-archive:${await archive(await tarOf([file('manifest.json', '{}')]))}`,
    /manifest.json of .* is wrong/,
  ],
  [
    'a manifest that is no JSON',
    async () => `docker-archive:${await archive(await tarOf([file('manifest.json', '{')]))}`,
    /manifest.json of .* is not JSON/,
  ],
  [
    'a config that is missing',
    async () =>
      `docker-archive:${await archive(await tarOf([file('manifest.json', '[{"Config":"x.json","Layers":[]}]')]))}`,
    /has no "x.json"/,
  ],
  [
    'a config outside',
    async () =>
      `docker-archive:${await archive(await tarOf([file('manifest.json', '[{"Config":"../../etc/passwd","Layers":[]}]')]))}`,
    /leaves its folder/,
  ],
  [
    'more layers than its config',
    async () =>
      `docker-archive:${await archive(await tarOf([file('manifest.json', '[{"Config":"c","Layers":["l"]}]'), file('c', JSON.stringify({ ...IMAGE_CONFIG, rootfs: { type: 'layers', diff_ids: [] } })), file('l')]))}`,
    /has 1 layers; the config names 0/,
  ],
  [
    'a name it doesn’t have',
    async () =>
      `docker-archive:${await archive(await tarOf([file('manifest.json', '[{"Config":"c","RepoTags":["a:1"],"Layers":[]}]')]))}:b:1`,
    /is not in the archive/,
  ],
  [
    'a tar that ends early',
    async () =>
      `docker-archive:${await archive((await tarOf([file('manifest.json', 'x'.repeat(2000))])).subarray(0, 1024))}`,
    /ends inside/,
  ],
  [
    'a layout without its index',
    async () =>
      `oci-archive:${await archive(await tarOf([file('oci-layout', '{"imageLayoutVersion":"1.0.0"}')]))}`,
    /has no "index.json"/,
  ],
  [
    'a terabyte of manifest',
    async () => {
      const tar = await tarOf([file('manifest.json', '')])
      tar.write('77777777777\0', 124, 'latin1')
      return `docker-archive:${await archive(withChecksum(tar))}`
    },
    /ends inside/,
  ],
])('archive: %s', async (_, make, why) => {
  const place = await make()
  expect(await refusal(() => openImage(place))).toMatch(why)
})

function withChecksum(tar: Buffer): Buffer {
  tar.fill(' ', 148, 156)
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return tar
}

const compressed = (program: string, ...args: string[]): Buffer =>
  execFileSync(program, [...args, '-c'], { input: Buffer.concat([plainFileHeader('a', 0), END_OF_TAR]) })

test.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
  ['no tar at all', () => Buffer.from('x'.repeat(2048)), /tar/],
  [
    'gzip cut in the middle',
    async () => gzipSync(await tarOf([file('a', 'x'.repeat(9999))])).subarray(0, 60),
    /can't be decompressed|ends/,
  ],
  [
    'gzip with a wrong sum',
    async () => {
      const bytes = gzipSync(await tarOf([file('a')]))
      bytes[bytes.length - 6] = 1
      return bytes
    },
    /can't be decompressed/,
  ],
  [
    'zstd cut in the middle',
    async () => zstdCompressSync(await tarOf([file('a', 'x'.repeat(9999))])).subarray(0, 40),
    /can't be decompressed|ends|frame/,
  ],
  [
    'a path 100,000 deep',
    async () => tarOf([file('d/'.repeat(100_000))]),
    /the path .* has 199999 bytes; 4095 is/,
  ],
  [
    'a name of 256 bytes',
    async () => tarOf([file(`a/${'n'.repeat(256)}`)]),
    /the name "n.* has 256 bytes; 255 is/,
  ],
  ['a whiteout of its own folder', async () => tarOf([file('.wh..')]), /"\.wh\.\." names nothing/],
  ['one of the folder above', async () => tarOf([file('.wh...')]), /"\.wh\.\.\." names nothing/],
  ['one further down', async () => tarOf([dir('a'), file('a/.wh...')]), /"a\/\.wh\.\.\." names nothing/],
  ['one of nothing', async () => tarOf([dir('a'), file('a/.wh.')]), /"a\/\.wh\." names nothing/],
  [
    'a file of eight exabytes',
    async () => {
      const tar = await tarOf([file('a')])
      tar.set([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 124)
      return withChecksum(tar)
    },
    /tar/,
  ],
  [
    'a header whose sum is wrong',
    async () => {
      const tar = await tarOf([file('a')])
      tar[0] = 0x7a
      return tar
    },
    /checksum|tar/,
  ],
  [
    'a size that is no number',
    async () => {
      const tar = await tarOf([file('a')])
      tar.write('zzzzzzzzzzz', 124, 'latin1')
      return withChecksum(tar)
    },
    /size/,
  ],
  [
    'a type nobody knows',
    async () => {
      const tar = await tarOf([file('a')])
      tar.write('!', 156, 'latin1')
      return withChecksum(tar)
    },
    /type/,
  ],
  [
    'a tar inside which it ends',
    async () => (await tarOf([file('a', 'x'.repeat(2000))])).subarray(0, 1500),
    /ends inside/,
  ],
])('layer: %s', async (_, make, why) => {
  const bytes = await make()
  const place = join(folder, `root-${++count}`)
  await mkdir(place)
  const layer = { ...bytesBlob(described(bytes, LAYER.mediaType), bytes), diffId: digestOf('x') }
  expect(await refusal(() => unpackLayers({ layers: [layer] }, place))).toMatch(why)
})
