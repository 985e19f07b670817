/** Layers without a table of contents in them, and the image beside theirs that has it: written, found again, judged, and missed where it is absent. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyImage } from '../../../image/copy.ts'
import type { FormatName } from '../../../image/estargz/format/formats.ts'
import { inspectImage } from '../../../image/inspect.ts'
import { openIfEstargz } from '../../../image/layers/estargz.ts'
import { giveTag } from '../../../image/layers/external-toc.ts'
import { examineLazy } from '../../../image/lazy/examine.ts'
import { lazyFindings, wouldBeLazy } from '../../../image/lazy/findings.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Image, ImageTarget } from '../../../image/types.ts'
import { verifyImage } from '../../../image/verify.ts'
import type { OptimizeOptions } from '../../../optimizer/options.ts'
import { rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { rebuildIndex } from '../../../optimizer/rebuild/image-index.ts'
import { prepareTarget } from '../../../optimizer/rebuild/toc-image.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { judge } from '../../peers/oracle/oracle.ts'
import { writeImage } from '../../support/images.ts'
import { Layout } from '../../support/layout.ts'
import { dir, file, hardlink } from '../../support/tar.ts'
import { layersOf, read, type TestFolder, testFolder, withImage } from '../support.ts'

const EXTERNAL = 'estargz+external-toc'
let folder: TestFolder
let registry: TestRegistry
let original: string
let count = 0

beforeAll(async () => {
  folder = await testFolder()
  registry = await startRegistry()
  const base = [dir('bin/'), file('bin/app', randomBytes(30_000)), hardlink('bin/same', 'bin/app')]
  const above = [file('data', randomBytes(9000)), file('empty'), file('note', 'a note')]
  original = await writeImage(join(folder.path, 'original'), { layers: [base, above] })
})

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const newPlace = () => `docker://${registry.host}/app:v${++count}`

async function rebuilt(
  from: string,
  startup: readonly string[],
  format: FormatName,
  more: Partial<OptimizeOptions> & { readonly spy?: (target: ImageTarget) => ImageTarget } = {},
) {
  const { spy = (target: ImageTarget) => target, ...options } = more
  const to = newPlace()
  await using target = await openTarget(to)
  await prepareTarget(target, { format }, { force: false })
  const summary = await withImage(from, (image) =>
    rebuildImage({
      image,
      target: spy(target),
      startup: startup.map((path) => read(path)),
      options: { format, threads: 1, chunkSize: 8192, ...options },
    }),
  )
  return { to, summary, how: summary.layers.map((layer) => layer.how) }
}

const digestsOf = (image: Image) => image.layers.map(({ descriptor }) => descriptor.digest)

test('its layers have no table of contents in them, verify, and read back through the format’s own library', async () => {
  const { to, summary } = await rebuilt(original, ['bin/app'], EXTERNAL)
  const before = await layersOf(original, join(folder.path, 'before'))
  const after = await layersOf(to, join(folder.path, 'after'))
  await withImage(to, async (image) => {
    expect(await verifyImage(image)).toEqual([])
    const inspected = await inspectImage(image)
    expect(inspected.layers.map(({ estargz }) => [estargz?.tocPlace, estargz?.landmark])).toEqual([
      ['external', 'prefetch'],
      ['external', 'no-prefetch'],
    ])
    for (const [index, layer] of image.layers.entries()) {
      const toc = await layer.externalToc?.()
      const { blob = '', tocDigest = '' } = after[index] ?? {}
      await writeFile(`${blob}.toc`, toc ?? '')
      expect(await judge(blob, tocDigest, before[index]?.tar ?? '', { externalToc: `${blob}.toc` })).toBe('')
      const unpacked = gunzipSync(Buffer.concat(await (await layer.open()).toArray())).toString('latin1')
      expect(unpacked).not.toContain('stargz.index.json')
    }
  })
  expect(summary.tocImage?.name).toBe(`${to}-esgztoc`)
})

test('it is found before the image is: it gets its tag first, once everything is there', async () => {
  const put: string[] = []
  const noting = (target: ImageTarget): ImageTarget => ({
    name: target.name,
    prepare: (options) => target.prepare(options),
    putBlob: (blob, signal) => target.putBlob(blob, signal),
    putManifest: async (bytes, type, options) => {
      put.push(`${target.name} ${options.tagged}`)
      return target.putManifest(bytes, type, options)
    },
    beside: (suffix) => noting(target.beside?.(suffix) ?? expect.fail()),
    [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
  })
  const { to } = await rebuilt(original, [], EXTERNAL, { spy: noting })
  expect(put).toEqual([false, true].flatMap((tagged) => [`${to}-esgztoc ${tagged}`, `${to} ${tagged}`]))
})

test('a table of contents moves into the layers and out of them by copying members; one that may stay is passed on', async () => {
  const outside = await rebuilt(original, ['bin/app'], EXTERNAL)
  const inside = await rebuilt(outside.to, ['bin/app'], 'estargz')
  expect(inside.how).toEqual(['reordered', 'reordered'])
  const direct = await rebuilt(original, ['bin/app'], 'estargz')
  const digests = async (reference: string) => withImage(reference, async (image) => digestsOf(image))
  expect(await digests(inside.to)).toEqual(await digests(direct.to))
  const outAgain = await rebuilt(inside.to, ['bin/app'], EXTERNAL)
  expect(outAgain.how).toEqual(['reordered', 'reordered'])
  expect(await digests(outAgain.to)).toEqual(await digests(outside.to))
  const another = await rebuilt(outside.to, ['data'], EXTERNAL)
  expect(another.how).toEqual(['reordered', 'reordered'])
  const same = await rebuilt(outside.to, ['bin/app'], EXTERNAL)
  expect(same.how).toEqual(['reused', 'reused'])
  const kept = await rebuilt(outside.to, ['bin/app', 'data'], EXTERNAL, { onlyLayers: [1] })
  expect(kept.how).toEqual(['kept', 'reordered'])
  for (const { to } of [outAgain, another, same, kept])
    await withImage(to, async (image) => expect(await verifyImage(image)).toEqual([]))
  const lost = await rebuilt(outside.to, [], 'estargz', { onlyLayers: [1] })
  expect(lost.summary.notes.join()).toMatch(
    /layer 1: its table of contents is in a separate image and stays behind/,
  )
})

test('without it the layers are as any tars: said so, and converted', async () => {
  const { to } = await rebuilt(original, ['bin/app'], EXTERNAL)
  const alone = newPlace()
  await using target = await openTarget(alone)
  await target.prepare({ force: false })
  await withImage(to, (image) => copyImage(image, target))
  const said = new RegExp(`its table of contents would be in ${alone}-esgztoc, which does not exist`)
  await withImage(alone, async (image) => {
    expect((await verifyImage(image)).map(({ message }) => message)).toEqual([
      expect.stringMatching(said),
      expect.stringMatching(said),
    ])
    const [layer] = image.layers
    await expect(layer && openIfEstargz(layer)).rejects.toMatchObject({ code: 'E_NO_TOC' })
  })
  await using source = await openSource(alone)
  const findings = lazyFindings(await examineLazy(source))
  expect(wouldBeLazy(findings)).toBe(false)
  expect(findings[0]?.sentence).toMatch(said)
  const again = await rebuilt(alone, ['bin/app'], EXTERNAL)
  expect(again.how).toEqual(['converted', 'converted'])
  const byDigest = await withImage(
    to,
    async ({ descriptor }) => `${to.replace(/:v\d+$/, '')}@${descriptor.digest}`,
  )
  await withImage(byDigest, async (image) => {
    expect((await verifyImage(image))[0]?.message).toMatch(/in a separate image, which was not found/)
  })
})

test('doctor: a node pulls it lazily, by its tag', async () => {
  const { to } = await rebuilt(original, ['bin/app'], EXTERNAL)
  await using source = await openSource(to)
  const findings = lazyFindings(await examineLazy(source))
  expect(wouldBeLazy(findings)).toBe(true)
  expect(findings.map(({ sentence }) => sentence).join()).toMatch(/-esgztoc/)
})

test('an index has one for all its images', async () => {
  const layout = new Layout(join(folder.path, 'index'))
  const image = async (architecture: string) => ({
    ...(await layout.image(architecture, [await layout.layer([file('app', architecture)])])),
    platform: { os: 'linux', architecture },
  })
  const from = await layout.finish(await layout.index([await image('amd64'), await image('arm64')]))
  const to = newPlace()
  await using source = await openSource(from)
  await using target = await openTarget(to)
  const index = (await source.index()) ?? expect.fail()
  const profiled = index.manifests[0]?.digest ?? expect.fail()
  const startup = [read('app')]
  const made = await rebuildIndex({ source, index, target, startup, profiled, options: { format: EXTERNAL } })
  expect(made.tocImage?.name).toBe(`${to}-esgztoc`)
  await giveTag(target, made)
  await using result = await openSource(to)
  for (const architecture of ['amd64', 'arm64'])
    expect(await verifyImage(await result.image({ os: 'linux', architecture }))).toEqual([])
})

test('a target that can’t have an image beside it is refused before anything is read; so is a tag that is taken', async () => {
  const into = `oci:${join(folder.path, 'none')}:x`
  await using target = await openTarget(into)
  await expect(prepareTarget(target, { format: EXTERNAL }, { force: true })).rejects.toMatchObject({
    code: 'E_TARGET',
    message: `${into} can't be ${EXTERNAL}: its tables of contents go into a second image, which only a registry can hold`,
  })
  const { to } = await rebuilt(original, [], EXTERNAL)
  const name = to.replace(/:v\d+$/, ':long')
  await using taken = await openTarget(`${name}-esgztoc`)
  await withImage(original, (image) => copyImage(image, taken))
  await using other = await openTarget(name)
  await expect(prepareTarget(other, { format: EXTERNAL }, { force: false })).rejects.toMatchObject({
    code: 'E_TARGET_EXISTS',
    message: `${name}-esgztoc already exists`,
  })
  await using long = await openTarget(`docker://${registry.host}/app:${'x'.repeat(125)}`)
  await expect(prepareTarget(long, { format: EXTERNAL }, { force: false })).rejects.toThrow(/longer than 128/)
})
