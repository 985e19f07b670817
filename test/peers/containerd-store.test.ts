/** An engine with containerd's image store, the default of new installations: its images are profiled by name as those of any other. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyImage } from '../../image/copy.ts'
import { OCI_INDEX } from '../../image/media-types.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import type { Image } from '../../image/types.ts'
import { demoImages, MAKING_MS, makeDemoImage } from '../../scripts/demo-image/images.ts'
import { parseTrace, type Trace } from '../../tracer/trace/file.ts'
import { dockerEngine } from '../support/engine.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'
import { dir, file, tarOf } from '../support/tar.ts'
import { type StoreEngine, startStoreEngine } from './store-engine.ts'
import { compared, inDocker, inRunc, proberImage } from './surroundings.ts'

const NAME = `hs-store-${process.pid}:1`
let engine: StoreEngine
let box: Sandbox
let original: Image

beforeAll(() => makeDemoImage('shell'), MAKING_MS)

beforeAll(async () => {
  engine = await startStoreEngine()
  box = await sandbox()
  await using source = await openSource(demoImages.shell.image)
  original = await source.image()
  for (const docker of [engine.docker, await dockerEngine()]) {
    await using target = await openTarget(`docker-daemon:${NAME}`, { engine: docker })
    await target.prepare({ force: false })
    await copyImage(original, target)
  }
})

afterAll(async () => {
  await (await dockerEngine()).getImage(NAME).remove({ force: true })
  await box[Symbol.asyncDispose]()
  await engine[Symbol.asyncDispose]()
})

const ofStore = () => ({ DOCKER_HOST: engine.host, HEADSTART_TMPDIR: join(engine.folder, 'work') })

async function profile(out: string, env: Record<string, string> = {}): Promise<Trace> {
  const args = ['profile', NAME, '--network', 'none', '--ready-log', '^ready', '--grace', '1', '-o', out]
  const { status, stderr } = await box.run(args, { env })
  expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
  return parseTrace(await readFile(join(box.folder, out), 'utf8'), out)
}

/** Each file, and whether it was read: which pages come along with those that were asked for is up to the kernel, each time. */
const touched = ({ files }: Trace) =>
  Object.fromEntries(
    files.map(({ path, ranges, laterRanges = [] }) => [path, ranges.length + laterRanges.length > 0]),
  )

test('the trace is the one of the same image on an ordinary engine', async () => {
  expect(await engine.docker.info()).toMatchObject({ Driver: 'overlayfs' })
  const [stored, ordinary] = await Promise.all([profile('store.json', ofStore()), profile('ordinary.json')])
  expect(touched(stored)).toEqual(touched(ordinary))
  expect(stored.image).toEqual({ ...ordinary.image, digest: original.descriptor.digest }) // it keeps the manifest, too
  expect(await engine.docker.listContainers({ all: true })).toEqual([])
  expect((await engine.docker.listImages()).flatMap(({ RepoTags }) => RepoTags)).toEqual([NAME])
  const optimize = ['optimize', NAME, 'oci:out', '--trace', 'store.json', '--compression-level', '1']
  const optimized = await box.run(optimize, { env: ofStore() })
  expect(optimized).toMatchObject({ status: 0 })
})

test('an image behind an index, as builders with attestations make it, has its own digest', async () => {
  const reference = await busyboxImage(join(box.folder, 'plain'), { command: 'true' })
  await using layout = await openSource(reference)
  const { descriptor, manifest, rawManifest, rawConfig, layers } = await layout.image()
  const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' }
  const elsewhere = {
    ...descriptor,
    digest: `sha256:${'0'.repeat(64)}`,
    platform: { ...platform, architecture: 's390x' },
  }
  const inner = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [elsewhere, { ...descriptor, platform }],
    }),
  )
  const digest = `sha256:${createHash('sha256').update(inner).digest('hex')}`
  const name = 'docker.io/library/indexed:1'
  const outer = {
    schemaVersion: 2,
    manifests: [
      {
        mediaType: OCI_INDEX,
        digest,
        size: inner.length,
        annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': '1' },
      },
    ],
  }
  const blob = (of: string, bytes: Buffer) => file(`blobs/sha256/${of.slice(7)}`, bytes)
  const tar = tarOf([
    dir('blobs/'),
    dir('blobs/sha256/'),
    file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    file('index.json', JSON.stringify(outer)),
    blob(digest, inner),
    blob(descriptor.digest, Buffer.from(rawManifest)),
    blob(manifest.config.digest, Buffer.from(rawConfig)),
    ...(await Promise.all(
      layers.map(async (layer) =>
        blob(layer.descriptor.digest, Buffer.concat(await (await layer.open()).toArray())),
      ),
    )),
  ])
  const loading = await engine.docker.loadImage(Readable.from([tar]))
  await new Promise<void>((resolve, reject) => {
    engine.docker.modem.followProgress(loading, (error) => (error ? reject(error) : resolve()))
  })
  await using source = await openSource('indexed:1', { engine: engine.docker })
  const image = await source.image()
  expect(image.descriptor.digest).toBe(descriptor.digest)
  expect(image.manifest).toEqual(manifest)
})

test('what a container finds around it under runc is what this later engine gives one, too', async () => {
  const image = await proberImage(join(box.folder, 'prober'))
  await using target = await openTarget('docker-daemon:prober:1', { engine: engine.docker })
  await target.prepare({ force: false })
  await copyImage(image, target)
  const config = { Image: 'prober:1', HostConfig: { NetworkMode: 'none' } }
  const [theirs, ours] = await Promise.all([
    inDocker(engine.docker, config),
    inRunc(image, { network: 'none' }),
  ])
  const [engines, own] = compared(theirs, ours)
  expect(own).toEqual(engines)
})
