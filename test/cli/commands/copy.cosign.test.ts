/** `headstart copy --referrers` and the signatures that cosign keeps under tags made of digests: they go along with the manifests they are about. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bytesBlob } from '../../../image/blob.ts'
import { digestOf } from '../../../image/digest.ts'
import { OCI_MANIFEST } from '../../../image/media-types.ts'
import { openAttaching } from '../../../image/referrers/place.ts'
import { openSource } from '../../../image/sources.ts'
import type { Digest } from '../../../image/types.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { writeTrace } from '../../../tracer/trace/file.ts'
import { copy } from '../../support/copy.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { writeImage } from '../../support/images.ts'
import { Layout } from '../../support/layout.ts'
import { startLooseRegistry } from '../../support/loose-registry.ts'
import { file } from '../../support/tar.ts'
import { traceFile, traceOf } from '../../tracer/trace/traces.ts'

let box: Sandbox
let registry: TestRegistry
let original: string

beforeAll(async () => {
  box = await sandbox()
  registry = await startRegistry()
  original = await writeImage(join(box.folder, 'i'), { layers: [[file('app', 'app')]] })
})
afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await box[Symbol.asyncDispose]()
})

const inRegistry = (name: string) => `docker://${registry.host}/${name}:v1`
const tagOf = (subject: Digest, kind = 'sig') => `${subject.replace(':', '-')}.${kind}`

/** As cosign does: a manifest whose config is an image's, and a layer with what was signed. */
async function sign(place: string, subject: Digest, text: string, kind = 'sig'): Promise<void> {
  const config = Buffer.from('{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":[]}}')
  const content = Buffer.from(text)
  const described = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  })
  const parts = {
    config: described(config, 'application/vnd.oci.image.config.v1+json'),
    layer: described(content, 'application/vnd.dev.cosign.simplesigning.v1+json'),
  }
  const { layer } = parts
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: parts.config, layers: [layer] }
  await using target = await openAttaching(place, {})
  await target.putBlob(bytesBlob(parts.config, config))
  await target.putBlob(bytesBlob(layer, content))
  const bytes = Buffer.from(JSON.stringify(manifest))
  await target.putTagged?.({ tag: tagOf(subject, kind), bytes, mediaType: OCI_MANIFEST }, { force: true })
}

/** What is under a tag, by the registry's own word; undefined: nothing. */
async function under(name: string, tag: string): Promise<string | undefined> {
  const accept = { headers: { accept: OCI_MANIFEST } }
  const answer = await fetch(`http://${registry.host}/v2/${name}/manifests/${tag}`, accept)
  return answer.status === 404 ? undefined : await answer.text()
}

test('to and from registries, layouts and archives; an optimized image is another one', async () => {
  const digest = await copy(original, inRegistry('signed'))
  await sign(inRegistry('signed'), digest, 'signature')
  await sign(inRegistry('signed'), digest, 'statement', 'att')
  await sign(inRegistry('signed'), `sha256:${'1'.repeat(64)}`, 'of something else')
  const [layout, archive] = [`oci:${box.folder}/layout:v1`, `oci-archive:${box.folder}/a.tar:v1`]
  const way = [inRegistry('signed'), layout, archive, inRegistry('back')]
  for (const [at, to] of way.slice(1).entries()) {
    const copied = await box.run(['copy', way[at] ?? '', to, '--referrers'])
    expect(copied).toMatchObject({
      status: 0,
      stdout: `${to}@${digest}\n`,
      stderr: expect.stringContaining("2 manifests under cosign's tags copied"),
    })
    expect(copied.stderr).not.toContain('attached')
  }
  for (const kind of ['sig', 'att'])
    expect(await under('back', tagOf(digest, kind))).toBe(await under('signed', tagOf(digest, kind)))
  expect(await under('back', tagOf(digest, 'sbom'))).toBeUndefined()
  // Named without a tag, a layout or archive is still its image.
  for (const place of [`oci:${box.folder}/layout`, `oci-archive:${box.folder}/a.tar`]) {
    await using source = await openSource(place)
    expect((await source.image()).descriptor.digest).toBe(digest)
  }
  await writeTrace(join(box.folder, 'trace.json'), traceOf([traceFile('app', { size: 3, ranges: [[0, 3]] })]))
  const fast = await box.run(['optimize', layout, inRegistry('fast'), '--trace', 'trace.json'])
  expect(fast.status, fast.stderr).toBe(0)
  const tags = await (await fetch(`http://${registry.host}/v2/fast/tags/list`)).json()
  expect(tags).toMatchObject({ tags: ['v1'] })
})

test('of an index, those of the manifests that are copied', async () => {
  const layout = new Layout(join(box.folder, 'index'))
  const part = await layout.image('amd64', [await layout.layer([file('app', 'app')])])
  const from = await layout.finish(
    await layout.index([{ ...part, platform: { os: 'linux', architecture: 'amd64' } }]),
  )
  await using source = await openSource(from)
  const index = (await source.index())?.descriptor.digest ?? expect.fail()
  await sign(from, index, 'index')
  await sign(from, part.digest, 'part')
  const flags = ['--referrers', '--platform', 'linux/amd64']
  await box.run(['copy', from, inRegistry('part'), ...flags])
  expect(await under('part', tagOf(part.digest))).toBeDefined()
  expect(await under('part', tagOf(index))).toBeUndefined()
  await box.run(['copy', from, inRegistry('whole'), ...flags, '--all'])
  expect(await under('whole', tagOf(part.digest))).toBeDefined()
  expect(await under('whole', tagOf(index))).toBeDefined()
})

test("others' signatures are replaced only with --force; the same ones are no fault", async () => {
  const digest = await copy(original, inRegistry('one'))
  await copy(original, inRegistry('two'))
  await sign(inRegistry('one'), digest, 'ours')
  await sign(inRegistry('two'), digest, 'theirs')
  const theirs = await under('two', tagOf(digest))
  const target = `docker://${registry.host}/two:v2`
  const refused = await box.run(['copy', inRegistry('one'), target, '--referrers'])
  expect(refused).toMatchObject({
    status: 1,
    stdout: `${target}@${digest}\n`,
    stderr: expect.stringContaining(`the tag ${tagOf(digest)} beside ${target} already exists`),
  })
  expect(await under('two', tagOf(digest))).toBe(theirs)
  const forced = () => box.run(['copy', inRegistry('one'), target, '--referrers', '--force'])
  expect(await forced()).toMatchObject({ status: 0 })
  expect(await under('two', tagOf(digest))).toBe(await under('one', tagOf(digest)))
  const again = await box.run(['copy', inRegistry('one'), `docker://${registry.host}/two:v3`, '--referrers'])
  expect(again).toMatchObject({ status: 0 })
  const layout = `oci:${box.folder}/theirs:v1`
  await copy(original, layout)
  await sign(layout, digest, 'theirs')
  const kept = await box.run(['copy', inRegistry('one'), `oci:${box.folder}/theirs:v2`, '--referrers'])
  expect(kept).toMatchObject({ status: 1, stderr: expect.stringContaining('already exists') })
})

test('a registry that answers anything has no signatures', async () => {
  await using loose = await startLooseRegistry((asked, answer) =>
    /manifests\/sha256-.*\.(sig|att|sbom)$/.test(asked.path)
      ? { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }
      : answer(),
  )
  const place = `docker://${loose.host}/app:v1`
  await copy(original, place)
  const copied = await box.run(['copy', place, `oci:${box.folder}/none:v1`, '--referrers'])
  expect(copied).toMatchObject({ status: 0, stderr: expect.stringContaining('nothing is attached to it') })
})
