/** Indexes of several platforms, attestations, layers of every kind, and many of them: picked, copied and served byte for byte. */
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyImage, copyIndex } from '../../image/copy.ts'
import { digestOf } from '../../image/digest.ts'
import { inspectImage } from '../../image/inspect.ts'
import { OCI_CONFIG, OCI_MANIFEST } from '../../image/media-types.ts'
import { hostPlatform, parsePlatform } from '../../image/platform.ts'
import { unpackLayers } from '../../image/rootfs/unpack/layers.ts'
import { parseRanges, serveImages } from '../../image/serve.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { type Registries, startRegistries } from '../../scripts/support/registry.ts'
import { readBounded } from '../../system/files/read-bounded.ts'
import { runCommand } from '../../system/process/command.ts'
import { INDEX_TYPES, Layout, OCI_LAYER } from '../support/layout.ts'
import { file } from '../support/tar.ts'

let folder: string
let registries: Registries
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-indexes-'))
  registries = await startRegistries()
}, BUILDING_MS)
afterAll(async () => {
  await registries[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const newLayout = () => new Layout(join(folder, `layout-${++count}`))

async function multiPlatform(kind: 'oci' | 'docker'): Promise<string> {
  const layout = newLayout()
  const shared = await layout.layer([file('shared', 'x')])
  const manifests = []
  for (const [architecture, variant] of [['amd64'], ['arm64', 'v8'], ['arm', 'v6'], ['arm', 'v7']] as const) {
    const part = await layout.image(
      architecture,
      [shared, await layout.layer([file(`${architecture}${variant}`)])],
      { kind },
    )
    manifests.push({ ...part, platform: { os: 'linux', architecture, ...(variant && { variant }) } })
  }
  if (kind === 'oci') {
    const statement = await layout.putJson({ predicate: 1 }, 'application/vnd.in-toto+json')
    const config = await layout.putJson({}, OCI_CONFIG)
    const attestation = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [statement] }
    const platform = { os: 'unknown', architecture: 'unknown' }
    manifests.push({
      ...(await layout.putJson(attestation, OCI_MANIFEST)),
      platform,
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    })
  }
  const index = { schemaVersion: 2, mediaType: INDEX_TYPES[kind], manifests }
  return layout.finish(await layout.putJson(index, INDEX_TYPES[kind]))
}

test.each(['oci', 'docker'] as const)('an index (%s): platforms are picked', async (kind) => {
  await using source = await openSource(await multiPlatform(kind))
  const pick = async (text?: string) => {
    const { config, descriptor } = await source.image(text === undefined ? undefined : parsePlatform(text))
    return `${config.platform.architecture}${descriptor.platform?.variant ?? ''}`
  }
  expect(await pick()).toContain(hostPlatform().architecture)
  expect(await pick('linux/amd64')).toBe('amd64')
  expect(await pick('linux/arm64')).toBe('arm64v8')
  expect(await pick('linux/arm')).toBe('armv6')
  expect(await pick('linux/arm/v7')).toBe('armv7')
  await expect(pick('linux/arm/v5')).rejects.toThrow(/no image for linux\/arm\/v5/)
  await expect(pick('windows/amd64')).rejects.toThrow(/no image for windows\/amd64/)
  expect((await source.index())?.manifests.length).toBe(kind === 'oci' ? 5 : 4)
})

test.each(peerSets.flatMap((peers) => (['oci', 'docker'] as const).map((kind) => ({ peers, kind }))))(
  'an index ($kind) is copied whole, attestations too, and skopeo agrees: $peers',
  async ({ peers, kind }) => {
    const original = await multiPlatform(kind)
    const place = `docker://${registries.of(peers).host}/index-${kind}:v1`
    const copyAll = async (from: string, to: string) => {
      await using source = await openSource(from)
      await using target = await openTarget(to)
      await target.prepare({ force: false })
      const index = await source.index()
      if (!index) throw new Error('no index')
      return (await copyIndex(source, index, target)).digest
    }
    const digest = await copyAll(original, place)
    const back = `${folder}/back-${peers}-${kind}`
    expect(await copyAll(place, `oci:${back}:v1`)).toBe(digest)
    const names = async (at: string) => (await readdir(join(at, 'blobs/sha256'))).sort()
    expect(await names(back)).toEqual(await names(original.split(':')[1] ?? ''))
    const raw = await runCommand('skopeo', ['inspect', '--raw', '--tls-verify=false', place])
    expect(digestOf(raw)).toBe(digest)
    // skopeo finds nothing of Docker's in an OCI layout; it would have turned it into OCI's.
    if (kind === 'oci')
      await runCommand('skopeo', ['copy', '-q', '--all', `oci:${back}:v1`, `dir:${folder}/skopeo-${peers}`])
  },
)

test('a Docker archive takes one platform, and says so', async () => {
  await using source = await openSource(await multiPlatform('oci'))
  const index = await source.index()
  await using target = await openTarget(`docker-archive:${folder}/index.tar:x:1`)
  await target.prepare({ force: false })
  await expect(index && copyIndex(source, index, target)).rejects.toThrow(/images of a single platform/)
  expect(await readdir(folder)).not.toContain('index.tar')
})

test('layers of every compression are unpacked and inspected', async () => {
  const layout = newLayout()
  const members = (tar: Buffer) =>
    Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])
  const frames = (tar: Buffer) =>
    Buffer.concat([zstdCompressSync(tar.subarray(0, 700)), zstdCompressSync(tar.subarray(700))])
  const image = await layout.image('amd64', [
    await layout.layer([file('gzip', 'a')]),
    await layout.layer([file('members', 'b'.repeat(3000))], members),
    await layout.layer([file('zstd', 'c')], zstdCompressSync, `${OCI_LAYER}+zstd`),
    await layout.layer([file('frames', 'd'.repeat(3000))], frames, `${OCI_LAYER}+zstd`),
    await layout.layer([file('plain', 'e')], (tar) => tar, OCI_LAYER),
    await layout.layer([], gzipSync),
    await layout.layer([file('docker', 'f')], gzipSync, 'application/vnd.docker.image.rootfs.diff.tar.gzip'),
  ])
  await using source = await openSource(await layout.finish(image))
  const opened = await source.image(parsePlatform('linux/amd64'))
  const root = join(folder, `root-${++count}`)
  await mkdir(root)
  await unpackLayers(opened, root)
  expect((await readdir(root)).sort()).toEqual(['docker', 'frames', 'gzip', 'members', 'plain', 'zstd'])
  expect(await readFile(join(root, 'frames'), 'utf8')).toBe('d'.repeat(3000))
  const { layers } = await inspectImage(opened, { files: true })
  expect(layers.map(({ entries }) => entries?.map(({ path }) => path).join())).toEqual([
    'gzip', 'members', 'zstd', 'frames', 'plain', '', 'docker',
  ]) // biome-ignore format: a line of names
})

test('foreign layers stay where they are, and more than a hundred layers are no matter', async () => {
  const layout = newLayout()
  const layers = []
  for (let index = 0; index < 130; index++) layers.push(await layout.layer([file(`f${index}`, `${index}`)]))
  const absent = { digest: digestOf('elsewhere'), size: 9, diffId: digestOf('x') }
  const foreign = {
    ...absent,
    mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    urls: ['https://example.com/x'],
  }
  const place = await layout.finish(await layout.image('amd64', [foreign, ...layers]))
  await using source = await openSource(place)
  const image = await source.image(parsePlatform('linux/amd64'))
  await using target = await openTarget(`oci:${folder}/many`)
  await target.prepare({ force: false })
  expect((await copyImage(image, target)).digest).toBe(image.descriptor.digest)
  expect((await readdir(join(folder, 'many/blobs/sha256'))).length).toBe(132)
  expect((await inspectImage(image)).layers[0]).toMatchObject({ foreign: true, estargz: undefined })
})

test('an image served in process is pulled by skopeo and by us, in ranges too', async () => {
  const layout = newLayout()
  const content = Buffer.from(Array.from({ length: 5000 }, (_, index) => index & 255))
  const place = await layout.finish(
    await layout.image('amd64', [await layout.layer([file('data', content)], (tar) => tar, OCI_LAYER)]),
  )
  await using source = await openSource(place)
  const image = await source.image(parsePlatform('linux/amd64'))
  await using server = await serveImages({ 'team/app:v1': image })
  await runCommand('skopeo', [
    'copy',
    '-q',
    '--src-tls-verify=false',
    `docker://${server.host}/team/app:v1`,
    `dir:${folder}/served`,
  ])
  await using pulled = await openSource(`docker://${server.host}/team/app:v1`)
  const same = await pulled.image()
  expect(same.descriptor.digest).toBe(image.descriptor.digest)
  const [ours, theirs] = [image.layers[0], same.layers[0]]
  if (!ours || !theirs) throw new Error('no layer')
  const bytes = await readBounded(await ours.open(), 1 << 20, 'layer')
  expect(await readBounded(await theirs.open({ start: 600, end: 700 }), 100, 'range')).toEqual(
    bytes.subarray(600, 700),
  )
  const url = `http://${server.host}/v2/team/app/blobs/${ours.descriptor.digest}`
  const several = await fetch(url, { headers: { range: 'bytes=0-9,100-109,-5' } })
  expect(several.status).toBe(206)
  const body = Buffer.from(await several.arrayBuffer())
  expect(Number(several.headers.get('content-length'))).toBe(body.length)
  for (const [start, end] of [
    [0, 10],
    [100, 110],
    [bytes.length - 5, bytes.length],
  ] as const)
    expect(body.includes(bytes.subarray(start, end))).toBe(true)
  const head = await fetch(url, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, `${bytes.length}`])
  expect((await fetch(url, { headers: { range: `bytes=${bytes.length}-` } })).status).toBe(416)
  expect((await fetch(`http://${server.host}/v2/team/app/manifests/none`)).status).toBe(404)
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(405)
})

test.each([
  [undefined, undefined],
  ['bytes=0-0', [{ start: 0, end: 1 }]],
  ['bytes=5-', [{ start: 5, end: 100 }]],
  ['bytes=-10', [{ start: 90, end: 100 }]],
  ['bytes=90-200', [{ start: 90, end: 100 }]],
  [
    'bytes=0-1, 4-5',
    [
      { start: 0, end: 2 },
      { start: 4, end: 6 },
    ],
  ],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-2', undefined],
  ['bytes=-', undefined],
  ['bytes=a-b', undefined],
  ['lines=1-2', undefined],
])('the range %j of 100 bytes', (header, expected) => {
  expect(parseRanges(header, 100)).toEqual(expected)
})
