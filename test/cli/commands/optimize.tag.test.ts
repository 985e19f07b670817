/** The tag is what goes last, after all that is attached: nobody finds an image without its profile, and what ends halfway leaves the old image under its name. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import { BUILDING_MS, type PeerSet, peerSets } from '../../../scripts/support/peers.ts'
import { type Registries, startRegistries } from '../../../scripts/support/registry.ts'
import { until } from '../../../scripts/support/until.ts'
import { traceArtifact } from '../../../tracer/trace/artifact.ts'
import { type Fault, type SeenRequest, startFaultProxy } from '../../image/registry/fault-proxy.ts'
import { attachAt, listAt } from '../../support/artifacts.ts'
import { copy } from '../../support/copy.ts'
import { startCountingProxy } from '../../support/counting-proxy.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { writeImage } from '../../support/images.ts'
import { Layout } from '../../support/layout.ts'
import { file } from '../../support/tar.ts'
import { traceFile, traceOf } from '../../tracer/trace/traces.ts'

let box: Sandbox
let registries: Registries
/** has a profile attached */
let source: string
let old: string

beforeAll(async () => {
  box = await sandbox()
  registries = await startRegistries()
  source = await writeImage(join(box.folder, 'new'), { layers: [[file('app', 'app')]] })
  old = await writeImage(join(box.folder, 'old'), { layers: [[file('app', 'old')]] })
  await attachProfile(source)
}, BUILDING_MS)
afterAll(async () => {
  await registries[Symbol.asyncDispose]()
  await box[Symbol.asyncDispose]()
})

async function attachProfile(place: string): Promise<void> {
  await using opened = await openSource(place)
  const { descriptor } = await opened.image()
  const trace = traceOf([traceFile('app', { size: 3, ranges: [[0, 3]] })])
  await attachAt(place, traceArtifact(trace, descriptor, 'start'))
}

async function digestAt(place: string) {
  await using opened = await openSource(place)
  return (await opened.image()).descriptor.digest
}

const isList = ({ method, path }: SeenRequest) => method === 'PUT' && /\/manifests\/sha256-/.test(path)

/** Under which names manifests were put, in turn. */
const namesIn = (seen: readonly SeenRequest[]) =>
  seen.flatMap(({ method, path }) => {
    const [, name] = /\/manifests\/(.*)$/.exec(path) ?? []
    return method === 'PUT' && name !== undefined ? [name.replace(/^(sha256.).*$/, '$1')] : []
  })
const attached = ['sha256:', 'sha256-']
const done = async (...args: string[]) => {
  const { status, stderr } = await box.run(args)
  expect(status, stderr).toBe(0)
}

test.each(peerSets)('tables of contents, image, profile and provenance, then the tags: %s', async (peers) => {
  await using proxy = await startFaultProxy(registries.of(peers).host, () => undefined)
  const place = `docker://${proxy.host}/order:v1`
  await done('optimize', source, place, '--format', 'estargz+external-toc', '--provenance')
  const inTurn = ['sha256:', 'sha256:', ...attached, ...attached, 'v1-esgztoc', 'v1']
  expect(namesIn(proxy.seen)).toEqual(inTurn)
  proxy.seen.length = 0
  await done('copy', place, `docker://${proxy.host}/copied:v1`, '--referrers')
  expect(namesIn(proxy.seen)).toEqual(inTurn)
  await done('verify', `docker://${proxy.host}/copied:v1`)
})

test('an index, after what is attached to its images and to itself', async () => {
  await using proxy = await startFaultProxy(registries.of('debian').host, () => undefined)
  const layout = new Layout(join(box.folder, 'index'))
  const image = await layout.image('amd64', [await layout.layer([file('app', 'app')])])
  const from = await layout.finish(
    await layout.index([{ ...image, platform: { os: 'linux', architecture: 'amd64' } }]),
  )
  await attachProfile(from)
  const flags = ['--all-platforms', '--platform', 'linux/amd64', '--provenance']
  await done('optimize', from, `docker://${proxy.host}/index:v1`, ...flags)
  expect(namesIn(proxy.seen)).toEqual(['sha256:', 'sha256:', ...[attached, attached, attached].flat(), 'v1'])
})

const gone = (peers: PeerSet) => ['goes away', peers, 'cut before the answer', "can't be reached"] as const
test.each<readonly [string, PeerSet, Fault, string]>([
  ...peerSets.map(gone),
  ['is away behind its gateway', 'debian', { status: 503 }, 'answered 503'],
])('a registry that %s in between keeps the old image: %s', async (_, peers, fault, said) => {
  await using proxy = await startFaultProxy(registries.of(peers).host, (_, seen) =>
    isList(seen) ? fault : undefined,
  )
  const place = `docker://${registries.of(peers).host}/cut:v1`
  const before = await copy(old, place, { force: true })
  for (const command of [['optimize'], ['copy', '--referrers']]) {
    const cut = await box.run([...command, source, `docker://${proxy.host}/cut:v1`, '--force'])
    expect(cut).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(said) })
    expect(await digestAt(place)).toBe(before)
  }
})

test('a registry that allows no tag for lists of artifacts has the image, and a warning is given', async () => {
  const { host } = registries.of('debian')
  await using proxy = await startFaultProxy(host, (_, seen) => (isList(seen) ? { status: 403 } : undefined))
  const { status, stderr, stdout } = await box.run(['optimize', source, `docker://${proxy.host}/strict:v1`])
  expect(status, stderr).toBe(0)
  expect(stderr).toContain('warning: the attached profiles were not carried on:')
  expect(stdout).toContain(await digestAt(`docker://${host}/strict:v1`))
})

test('Ctrl-C while profiles are attached keeps the old image', async () => {
  const { host } = registries.of('debian')
  await using proxy = await startCountingProxy(host)
  using _held = proxy.hold(/^PUT .*\/manifests\/sha256-/)
  const before = await copy(old, `docker://${host}/stopped:v1`)
  const args = ['optimize', source, `docker://${proxy.host}/stopped:v1`, '--force']
  const { status, stderr } = await box.run(args, {
    meanwhile: async (child) => {
      await until('a profile is listed', () => proxy.take().some((line) => /^PUT .*sha256-/.test(line)))
      child.kill('SIGINT')
    },
  })
  expect(status, stderr).toBe(130)
  expect(await digestAt(`docker://${host}/stopped:v1`)).toBe(before)
  expect(await listAt(`docker://${host}/stopped:v1`, before)).toEqual([])
})
