/** What comes with an optimized image: provenance, metadata for signers, the digest that was replaced, a word on signatures. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { OCI_MANIFEST } from '../../../image/media-types.ts'
import { readArtifact } from '../../../image/referrers/artifact.ts'
import { openAttached } from '../../../image/referrers/place.ts'
import { openSource } from '../../../image/sources.ts'
import type { Descriptor } from '../../../image/types.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { writeTrace } from '../../../tracer/trace/file.ts'
import { attachAt, listAt, note } from '../../support/artifacts.ts'
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
let image: Descriptor

beforeAll(async () => {
  box = await sandbox()
  registry = await startRegistry()
  original = await writeImage(join(box.folder, 'i'), { layers: [[file('app', 'app')]] })
  await using source = await openSource(original)
  image = (await source.image()).descriptor
  await writeTrace(join(box.folder, 'trace.json'), traceOf([traceFile('app', { size: 3, ranges: [[0, 3]] })]))
})
afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await box[Symbol.asyncDispose]()
})

const optimize = (from: string, to: string, ...flags: string[]) =>
  box.run(['optimize', from, to, '--trace', 'trace.json', ...flags])

const STATEMENT = 'application/vnd.in-toto+json'
const metadataSchema = z.strictObject({
  'containerimage.descriptor': z.strictObject({
    mediaType: z.string(),
    digest: z.string(),
    size: z.number(),
  }),
  'containerimage.digest': z.templateLiteral(['sha256:', z.string()]),
  'image.name': z.string(),
})
const metadata = async () =>
  metadataSchema.parse(JSON.parse(await readFile(join(box.folder, 'metadata.json'), 'utf8')))

test('an image takes its own place: what it was is said, and what it is made of attached', async () => {
  const name = `${registry.host}/own:v1`
  const place = `docker://${name}`
  await copy(original, place)
  await attachAt(place, note(image, 'bundle', 'application/vnd.dev.sigstore.bundle.v0.3+json'))
  const { status, stderr } = await optimize(
    place,
    place,
    '--force',
    '--provenance',
    '--metadata-file',
    'metadata.json',
  )
  expect(status).toBe(0)
  expect(stderr).toContain(`${place} was ${image.digest} before`)
  const said = await metadata()
  const digest = said['containerimage.digest']
  expect(said).toMatchObject({ 'image.name': name, 'containerimage.descriptor': { digest } })
  expect(stderr).toContain(
    `warning: the original, ${image.digest}, is signed; its signature does not carry over: sign ${place}@${digest}`,
  )

  await using source = await openAttached(place, {})
  expect((await source.image()).descriptor.digest).toBe(digest)
  const [listed, ...more] = await listAt(place, digest)
  expect(more).toEqual([])
  const { content } = await readArtifact(source, listed ?? expect.fail(), {
    artifactType: STATEMENT,
    subject: digest,
    maxBytes: 10_000,
    what: 'the provenance',
  })
  expect(JSON.parse(content.bytes.toString())).toMatchObject({
    subject: [{ name: `${registry.host}/own`, digest: { sha256: digest.slice(7) } }],
    predicate: {
      buildDefinition: {
        resolvedDependencies: [
          { uri: `docker://${registry.host}/own@${image.digest}`, digest: { sha256: image.digest.slice(7) } },
          { name: 'profile' },
        ],
      },
    },
  })
})

test('the provenance is the same each time, of every image of an index and of the index', async () => {
  const layout = new Layout(join(box.folder, 'index'))
  const entries = []
  for (const architecture of ['amd64', 'arm64']) {
    const part = await layout.image(architecture, [await layout.layer([file('app', architecture)])])
    entries.push({ ...part, platform: { os: 'linux', architecture } })
  }
  const from = await layout.finish(await layout.index(entries))
  const optimizeTo = async (to: string) => {
    const place = `oci:${box.folder}/${to}:v1`
    const flags = ['--all-platforms', '--platform', 'linux/amd64', '--provenance']
    const made = await optimize(from, place, ...flags, '--metadata-file', 'metadata.json')
    expect(made).toMatchObject({ status: 0, stderr: expect.not.stringContaining('signature') })
    await using source = await openSource(place)
    const index = await source.index()
    expect((await metadata())['containerimage.digest']).toBe(index?.descriptor.digest)
    const subjects = [index?.descriptor, ...(index?.manifests ?? [])].flatMap((each) => each?.digest ?? [])
    return (await Promise.all(subjects.map((subject) => listAt(place, subject)))).flat()
  }
  const first = await optimizeTo('first')
  expect(first.map(({ artifactType }) => artifactType)).toEqual([STATEMENT, STATEMENT, STATEMENT])
  expect(await optimizeTo('second')).toEqual(first)
})

test("a signature under cosign's own tag is seen", async () => {
  await using loose = await startLooseRegistry((asked, answer) =>
    asked.path.endsWith(`/manifests/${image.digest.replace(':', '-')}.sig`)
      ? { status: 200, headers: { 'content-type': OCI_MANIFEST }, body: '{}' }
      : answer(),
  )
  const place = `docker://${loose.host}/signed:v1`
  await copy(original, place)
  const { stderr } = await optimize(place, `oci:${box.folder}/signed:v1`)
  expect(stderr).toContain(`the original, ${image.digest}, is signed`)
})

test('provenance that is refused ends with 1, and the image is there; where none can be, nothing is done', async () => {
  await using loose = await startLooseRegistry((asked, answer) =>
    asked.method === 'PUT' && asked.body.includes('"subject"') ? { status: 405 } : answer(),
  )
  const place = `docker://${loose.host}/app:v1`
  const refused = await optimize(original, place, '--provenance')
  expect(refused).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^headstart: nothing can be attached to .* answered 405/m),
  })
  expect(refused.stdout).toContain(`${place}@sha256:`)
  expect(await box.run(['verify', place])).toMatchObject({ status: 0 })
  const archive = await optimize(original, `docker-archive:${box.folder}/x.tar`, '--provenance')
  expect(archive).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('nothing can be attached to docker-archive:'),
  })
})
