/** Indexes: every image rebuilt from its own digest, in its place; attestations of one that was changed go to the new one, what else refers to it is left out, with a note. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { copyIndex } from '../../../image/copy.ts'
import { digestOf } from '../../../image/digest.ts'
import { giveTag } from '../../../image/layers/external-toc.ts'
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../../image/media-types.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Digest, ImageSource } from '../../../image/types.ts'
import { verifyImage } from '../../../image/verify.ts'
import { type RebuildIndexSummary, rebuildIndex } from '../../../optimizer/rebuild/image-index.ts'
import { readBounded } from '../../../system/files/read-bounded.ts'
import { sandbox } from '../../support/headstart.ts'
import { Layout, OCI_LAYER, type Part } from '../../support/layout.ts'
import { file } from '../../support/tar.ts'
import { read, type TestFolder, testFolder } from '../support.ts'

let folder: TestFolder
let count = 0
beforeAll(async () => {
  folder = await testFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

const newLayout = () => new Layout(join(folder.path, `in-${++count}`))
const app = async (layout: Layout, content: string) => [
  await layout.layer([file('app', content), file('rest', 'rest')]),
]
const linux = (architecture: string) => ({ platform: { os: 'linux', architecture } })

const rawSchema = z.looseObject({
  manifests: z.array(z.looseObject({ mediaType: z.string(), digest: z.string(), size: z.number() })),
})
const rawOf = (bytes: Uint8Array) => rawSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))

async function rebuild(
  reference: string,
  profiled?: Digest,
): Promise<{ to: string; summary: RebuildIndexSummary; raw: z.infer<typeof rawSchema> }> {
  const to = `oci:${join(folder.path, `out-${++count}`)}:v1`
  await using source = await openSource(reference)
  await using target = await openTarget(to)
  await target.prepare({ force: false })
  const index = await source.index()
  if (!index) throw new Error('no index')
  const summary = await rebuildIndex({
    source,
    index,
    target,
    startup: [read('app')],
    profiled: profiled ?? index.manifests[0]?.digest ?? digestOf(''),
    options: { threads: 1 },
  })
  await giveTag(target, summary)
  await using result = await openSource(to)
  return { to, summary, raw: rawOf((await result.index())?.rawIndex ?? Buffer.alloc(0)) }
}

/** What the file `app` holds in the image of each entry, base layer first. */
async function contents(source: ImageSource, entries: readonly { digest: string }[]): Promise<string[]> {
  const found: string[] = []
  for (const { digest } of entries) {
    const descriptor = (await source.index())?.manifests.find((each) => each.digest === digest)
    if (descriptor === undefined) throw new Error('no entry')
    const image = await source.imageOf(descriptor)
    expect(await verifyImage(image)).toEqual([])
    found.push(image.config.history[0]?.createdBy ?? '')
  }
  return found
}

const history = (name: string) => ({ config: { history: [{ created_by: name }] } })

async function attestation(layout: Layout, about: Part, more: object = {}) {
  const statement = await layout.putJson({ subject: about.digest }, 'application/vnd.in-toto+json')
  const config = await layout.putJson({ architecture: 'unknown', os: 'unknown' }, OCI_CONFIG)
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [statement], ...more }
  return {
    ...(await layout.putJson(manifest, OCI_MANIFEST)),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': about.digest,
    },
  }
}

test('every platform is rebuilt in its place; what the index says of it stays', async () => {
  const layout = newLayout()
  const arm64 = await layout.image('arm64', await app(layout, 'arm64'), history('arm64'))
  const amd64 = await layout.image('amd64', await app(layout, 'amd64'), history('amd64'))
  const index = await layout.index(
    [
      { ...arm64, platform: { os: 'linux', architecture: 'arm64', variant: 'v8', 'os.features': ['sse4'] } },
      { ...amd64, ...linux('amd64'), annotations: { kept: 'yes' }, artifactType: 'application/x', more: [1] },
    ],
    { annotations: { kept: 'yes' }, artifactType: 'application/y' },
  )
  const { to, summary, raw } = await rebuild(await layout.finish(index), amd64.digest)
  expect(summary.images.map(({ platform }) => platform)).toEqual(['linux/arm64/v8', 'linux/amd64'])
  expect(raw).toMatchObject({ annotations: { kept: 'yes' }, artifactType: 'application/y' })
  expect(raw.manifests[0]?.platform).toEqual({
    os: 'linux',
    architecture: 'arm64',
    variant: 'v8',
    'os.features': ['sse4'],
  })
  expect(raw.manifests[1]).toMatchObject({
    annotations: { kept: 'yes' },
    artifactType: 'application/x',
    more: [1],
  })
  await using result = await openSource(to)
  expect(await contents(result, raw.manifests)).toEqual(['arm64', 'amd64'])
})

test('two images of one platform stay two', async () => {
  const layout = newLayout()
  const windows = (version: string) => ({
    platform: { os: 'windows', architecture: 'amd64', 'os.version': version },
  })
  const of = async (name: string) =>
    layout.image('amd64', await app(layout, name), { config: { os: 'windows', ...history(name).config } })
  const gzip = await layout.image('amd64', await app(layout, 'gzip'), history('gzip'))
  const zstd = await layout.image(
    'amd64',
    [await layout.layer([file('app', 'zstd')], zstdCompressSync, `${OCI_LAYER}+zstd`)],
    history('zstd'),
  )
  const index = await layout.index([
    { ...(await of('2019')), ...windows('10.0.17763') },
    { ...(await of('2022')), ...windows('10.0.20348') },
    { ...gzip, ...linux('amd64') },
    {
      ...zstd,
      ...linux('amd64'),
      annotations: { 'io.github.containers.compression.zstd': 'true', kept: 'yes' },
    },
  ])
  const { to, summary, raw } = await rebuild(await layout.finish(index))
  await using result = await openSource(to)
  expect(await contents(result, raw.manifests)).toEqual(['2019', '2022', 'gzip', 'zstd'])
  expect(summary.images.map(({ platform }) => platform)).toEqual([
    'windows/amd64 10.0.17763',
    'windows/amd64 10.0.20348',
    'linux/amd64',
    `linux/amd64 ${zstd.digest.slice(7, 19)}`,
  ])
  expect(raw.manifests[1]?.platform).toEqual(windows('10.0.20348').platform)
  expect(raw.manifests[3]?.annotations).toEqual({ kept: 'yes' })
})

test('an image without a platform in the index, or named twice, is rebuilt once', async () => {
  const layout = newLayout()
  const image = await layout.image('amd64', await app(layout, 'amd64'))
  const index = await layout.index([image, { ...image, ...linux('amd64') }])
  const { summary, raw } = await rebuild(await layout.finish(index))
  expect(summary.images.map(({ platform }) => platform)).toEqual(['linux/amd64'])
  expect(raw.manifests.map(({ digest }) => digest)).toEqual([
    summary.images[0]?.summary.manifest.digest,
    summary.images[0]?.summary.manifest.digest,
  ])
})

test('artifacts of what is rebuilt are left out, and said; attestations are linked to the new image, all others copied', async () => {
  const layout = newLayout()
  const image = await layout.image('amd64', await app(layout, 'amd64'))
  const empty = await layout.putJson({}, 'application/vnd.oci.empty.v1+json')
  const artifact = async (more: object) =>
    layout.putJson(
      { schemaVersion: 2, mediaType: OCI_MANIFEST, config: empty, layers: [empty], ...more },
      OCI_MANIFEST,
    )
  const proof = await attestation(layout, image)
  const other = await attestation(layout, { ...image, digest: digestOf('elsewhere') })
  const signature = await artifact({ subject: image, artifactType: 'application/x-signature' })
  const chart = await artifact({ artifactType: 'application/x-chart' })
  const blob = await layout.put(Buffer.from('anything'), 'application/x-blob')
  const referring = await attestation(layout, image, { subject: image })
  const entries = [proof, { ...image, ...linux('amd64') }, signature, other, chart, blob, referring]
  const index = await layout.index(entries, { subject: chart })
  const { to, summary, raw } = await rebuild(await layout.finish(index), image.digest)
  const made = summary.images[0]?.summary.manifest ?? expect.fail()
  const linked = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': made.digest,
    'vnd.headstart.reference.source': image.digest,
  }
  expect(raw.manifests.map(({ digest }) => digest).slice(0, 5)).toEqual(
    [proof, made, other, chart, blob].map(({ digest }) => digest),
  )
  expect(raw.manifests[0]).toEqual({ ...proof, annotations: linked })
  expect(raw.manifests[2]).toEqual(other)
  expect(raw.manifests[5]).toMatchObject({ platform: referring.platform, annotations: linked })
  expect(raw.subject).toBeUndefined()
  expect(summary.notes).toEqual([
    `the artifact ${signature.digest} is left out: it refers to ${image.digest}, which was rebuilt`,
    expect.stringContaining('the subject of the index is left out'),
  ])
  await using result = await openSource(to)
  const { manifests = [] } = (await result.index()) ?? {}
  for (const descriptor of manifests) await readBounded(await result.blob(descriptor).open(), 1 << 20, 'blob')
  const moved = manifests[5] ?? expect.fail()
  const bytes = await readBounded(await result.blob(moved).open(), 1 << 20, 'manifest')
  // What it says is what it said, of the original.
  expect(JSON.parse(bytes.toString())).toMatchObject({
    subject: { digest: made.digest, size: made.size },
    layers: [{ digest: digestOf(JSON.stringify({ subject: image.digest })) }],
  })
  const { rawManifest } = await result.image({ os: 'linux', architecture: 'amd64' })
  const named = { annotations: { 'vnd.headstart.source.digest': image.digest } }
  expect(JSON.parse(Buffer.from(rawManifest).toString())).toMatchObject(named)
})

test('an unchanged image keeps what refers to it', async () => {
  const layout = newLayout()
  const image = await layout.image('amd64', await app(layout, 'amd64'))
  const first = await rebuild(await layout.finish(await layout.index([{ ...image, ...linux('amd64') }])))
  const again = new Layout(first.to.split(':')[1] ?? '')
  const [rebuilt] = first.summary.images
  if (rebuilt === undefined) throw new Error('no image')
  const { manifest } = rebuilt.summary
  const proof = await attestation(again, manifest)
  const index = await again.index([{ ...manifest, ...linux('amd64') }, proof])
  const { summary, raw } = await rebuild(await again.finish(index), manifest.digest)
  expect(summary.notes).toEqual([])
  expect(raw.manifests.map(({ digest }) => digest)).toEqual([manifest.digest, proof.digest])
})

test('inline data, places and subjects of the old bytes go, in index and manifest', async () => {
  const layout = newLayout()
  const [layer] = await app(layout, 'amd64')
  if (layer === undefined) throw new Error('no layer')
  const stale = { data: Buffer.from('old').toString('base64'), urls: ['https://example.invalid/old'] }
  const image = await layout.image('amd64', [{ ...layer, ...stale, kept: 1 }], {
    manifest: { subject: layer, annotations: { kept: 'yes', 'com.amazon.soci.index-digest': 'x' }, kept: 2 },
  })
  const index = await layout.index([{ ...image, ...linux('amd64'), ...stale }])
  const { to, summary, raw } = await rebuild(await layout.finish(index))
  expect(Object.keys(raw.manifests[0] ?? {}).sort()).toEqual(['digest', 'mediaType', 'platform', 'size'])
  await using result = await openSource(to)
  const { rawManifest } = await result.image({ os: 'linux', architecture: 'amd64' })
  const manifest: unknown = JSON.parse(Buffer.from(rawManifest).toString())
  expect(manifest).toMatchObject({ annotations: { kept: 'yes' }, kept: 2, layers: [{ kept: 1 }] })
  expect(manifest).not.toMatchObject({ subject: expect.anything() })
  expect(manifest).not.toMatchObject({ annotations: { 'com.amazon.soci.index-digest': 'x' } })
  expect(manifest).not.toMatchObject({ layers: [{ data: expect.anything() }] })
  expect(manifest).not.toMatchObject({ layers: [{ urls: expect.anything() }] })
  expect(summary.images[0]?.summary.notes).toEqual([expect.stringContaining('the subject')])
})

test('indexes inside an index are rebuilt and copied, not without end', async () => {
  const layout = newLayout()
  const image = await layout.image('arm64', await app(layout, 'arm64'), history('inner'))
  const inner = await layout.index([{ ...image, ...linux('arm64') }])
  const amd64 = { ...(await layout.image('amd64', await app(layout, 'amd64'))), ...linux('amd64') }
  const reference = await layout.finish(await layout.index([inner, amd64, inner]))
  const { to, summary, raw } = await rebuild(reference)
  expect(summary.images.map(({ platform }) => platform)).toEqual(['linux/arm64', 'linux/amd64'])
  expect(raw.manifests[0]?.digest).toBe(raw.manifests[2]?.digest)
  expect(raw.manifests[0]).toMatchObject({ mediaType: OCI_INDEX })
  await using result = await openSource(to)
  const [nested] = (await result.index())?.manifests ?? []
  if (nested === undefined) throw new Error('no entry')
  const bytes = await readBounded(await result.blob(nested).open(), 1 << 20, 'index')
  expect(rawOf(bytes).manifests[0]?.digest).toBe(summary.images[0]?.summary.manifest.digest)

  await using copied = await openTarget(`oci:${join(folder.path, 'copied')}:v1`)
  await copied.prepare({ force: false })
  const index = await result.index()
  if (index) expect((await copyIndex(result, index, copied)).digest).toBe(index.descriptor.digest)

  let deep = inner
  for (let depth = 0; depth < 6; depth++) deep = await layout.index([deep])
  const bottomless = await layout.finish(deep)
  await expect(rebuild(bottomless)).rejects.toThrow(/nests indexes more than 4 levels deep/)
})

test('the command says what of an index it leaves behind, and what it could not keep', async () => {
  const layout = newLayout()
  const image = await layout.image('amd64', await app(layout, 'amd64'))
  const other = await layout.image('arm64', await app(layout, 'arm64'))
  const entries = [
    { ...image, ...linux('amd64') },
    await attestation(layout, image),
    { ...other, ...linux('arm64') },
  ]
  const reference = await layout.finish(await layout.index(entries))
  await using box = await sandbox()
  const record = join(box.folder, 'record.json')
  await writeFile(record, '{"path":"app","manifestDigest":"","layerIndex":0}\n')
  const run = (...more: string[]) =>
    box.run(['optimize', reference, `oci:${box.folder}/out${more.length}`, '--trace', record, ...more])
  const one = await run('--platform', 'linux/amd64')
  expect(one.stderr).toContain(
    '1 other image and 1 attestation or other artifact of the index are left behind',
  )
  const copied = await box.run(['copy', reference, `oci:${box.folder}/copy`, '--platform', 'linux/amd64'])
  expect(copied.stderr).toContain(
    '1 other image and 1 attestation or other artifact of the index are left behind: use --all to copy the whole index\n',
  )
  const whole = await box.run(['copy', reference, `oci:${box.folder}/whole`, '--all'])
  expect(whole.stderr).not.toContain('left behind')
  const all = await run('--all-platforms', '--platform', 'linux/amd64', '--json')
  expect(all).toMatchObject({ status: 0, stderr: expect.not.stringContaining('left out') })
})
