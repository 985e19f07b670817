/** Round trips between every pair of transports, on the real registry and engine; skopeo reads what we write, and the other way round. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyImage } from '../../image/copy.ts'
import { hashStream } from '../../image/digest.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { runCommand } from '../../system/process/command.ts'
import { dockerEngine } from '../support/engine.ts'
import { writeImage } from '../support/images.ts'
import { dir, file } from '../support/tar.ts'

const unique = randomBytes(4).toString('hex')
let folder: string
let registry: TestRegistry
let original: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-transports-'))
  registry = await startRegistry()
  original = await writeImage(join(folder, 'original'), {
    tag: 'v1',
    layers: [
      [dir('etc/'), file('etc/name', `image ${unique}\n`)],
      [file('big', randomBytes(3 << 20)), file('etc/other', 'x')],
      [],
    ],
    config: { Env: ['A=b'], Cmd: ['/bin/true'], Labels: { a: 'b' } },
  })
})

afterAll(async () => {
  const engine = await dockerEngine()
  const images = await engine.listImages({ filters: { reference: [`hs-${unique}*`] } })
  for (const { RepoTags } of images)
    for (const tag of RepoTags ?? []) await engine.getImage(tag).remove({ force: true })
  await registry[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

let count = 0
const places: Record<string, () => string> = {
  oci: () => `oci:${folder}/layout-${++count}:tag`,
  'oci-archive': () => `oci-archive:${folder}/oci-${++count}.tar:tag`,
  'docker-archive': () => `docker-archive:${folder}/docker-${++count}.tar:hs-${unique}:${++count}`,
  docker: () => `docker://${registry.host}/app-${++count}:tag`,
  'docker-daemon': () => `docker-daemon:hs-${unique}-${++count}:tag`,
}

async function copy(from: string, to: string) {
  await using source = await openSource(from)
  await using target = await openTarget(to)
  await target.prepare({ force: false })
  return await copyImage(await source.image(), target)
}

async function look(at: string) {
  await using source = await openSource(at)
  const image = await source.image()
  for (const layer of image.layers) {
    const { digest, size } = await hashStream(await layer.open())
    expect({ digest, size }).toEqual({ digest: layer.descriptor.digest, size: layer.descriptor.size })
  }
  return {
    manifest: image.descriptor.digest,
    config: image.manifest.config.digest,
    layers: image.manifest.layers.map(({ digest }) => digest),
    diffIds: image.layers.map(({ diffId }) => diffId),
  }
}

describe.each(Object.keys(places))('from %s', (from) => {
  let start: string
  beforeAll(async () => {
    start = places[from]?.() ?? ''
    await copy(original, start)
  })

  test.each(Object.keys(places))('to %s', async (to) => {
    const end = places[to]?.() ?? ''
    await copy(start, end)
    const [before, first, last] = [await look(original), await look(start), await look(end)]
    // An engine keeps an image's config and its layers unpacked; all others keep every byte.
    const keepsAll = from !== 'docker-daemon' && to !== 'docker-daemon'
    if (keepsAll) expect(last).toEqual(before)
    else if (to !== 'docker-daemon') expect(last).toEqual(first)
    expect(last.config).toBe(before.config)
    expect(last.diffIds).toEqual(before.diffIds)
  })

  test('skopeo reads it', async () => {
    const config = await runCommand('skopeo', ['inspect', '--tls-verify=false', '--config', '--raw', start])
    await using source = await openSource(original)
    expect(config).toBe((await source.image()).rawConfig.toString())
    const out = `${folder}/skopeo-${++count}`
    await runCommand('skopeo', ['copy', '--src-tls-verify=false', start, `dir:${out}`])
    expect((await readdir(out)).length).toBeGreaterThan(3)
  })
})

test('that the engine lacks what its registry has is a detail, unless that lacks it, too', async () => {
  const place = `${registry.host}/only-there:v1`
  await copy(original, `docker://${place}`)
  const heard = async (name: string) => {
    const [notes, details]: string[][] = [[], []]
    const options = {
      onNote: (text: string) => notes?.push(text),
      onDetail: (text: string) => details?.push(text),
    }
    await using source = await openSource(name, options)
    const found = await source.image().then(
      () => source.index().then(() => true),
      () => source.index().catch(() => false),
    )
    return { found, notes, details }
  }
  const line = (name: string) =>
    `${name} is taken from the registry ${registry.host}: the Docker engine does not have it`
  expect(await heard(place)).toEqual({ found: true, notes: [], details: [line(place)] })
  const nowhere = `${registry.host}/nowhere:v1`
  expect(await heard(nowhere)).toEqual({
    found: false,
    notes: [`${nowhere} was looked for in the registry: the Docker engine does not have it`],
    details: [line(nowhere)],
  })
})

test('skopeo reads the layout that an engine’s image was copied to', async () => {
  const [loaded, out] = [places['docker-daemon']?.() ?? '', places.oci?.() ?? '']
  await copy(original, loaded)
  await copy(loaded, out)
  await runCommand('skopeo', ['copy', '-q', out, `dir:${folder}/from-engine`])
})

test.each(Object.keys(places))('we read what skopeo wrote to %s', async (kind) => {
  const place = places[kind]?.() ?? ''
  await runCommand('skopeo', ['copy', '-q', '--dest-tls-verify=false', original, place])
  expect((await look(place)).diffIds).toEqual((await look(original)).diffIds)
})

test('a compressed archive is read too', async () => {
  await copy(original, `oci-archive:${folder}/packed.tar`)
  await runCommand('gzip', [`${folder}/packed.tar`])
  expect(await look(`oci-archive:${folder}/packed.tar.gz`)).toEqual(await look(original))
})
