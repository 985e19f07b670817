/**
 * One fault at every request in turn, between us and a real registry: each run ends in the right image or in an error that says what was
 * wrong, and never in a wrong image.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyImage } from '../../../image/copy.ts'
import { hashStream } from '../../../image/digest.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { writeImage } from '../../support/images.ts'
import { dir, file } from '../../support/tar.ts'
import { type Fault, startFaultProxy } from './fault-proxy.ts'

let folder: string
let registry: TestRegistry
let original: string
let digest: string
let count = 0

async function copy(from: string, to: string) {
  await using source = await openSource(from)
  await using target = await openTarget(to)
  await target.prepare({ force: false })
  const { digest } = await copyImage(await source.image(), target)
  return digest
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-faults-'))
  registry = await startRegistry()
  original = await writeImage(join(folder, 'original'), {
    layers: [[dir('etc/'), file('etc/name', 'x')], [file('big', randomBytes(300_000))]],
  })
  digest = await copy(original, `docker://${registry.host}/source:v1`)
})

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Runs `work` through a proxy that has `fault` at the request `at`. @returns the requests there were, and how it ended */
async function withFault(at: number, fault: Fault, work: (host: string) => Promise<string>) {
  await using proxy = await startFaultProxy(registry.host, (index) => (index === at ? fault : undefined))
  const ended = await work(proxy.host).catch((error: unknown) => error)
  return { requests: proxy.seen.length, ended }
}

/** The image at a place is whole, or there is none. */
async function check(place: string, ended: unknown): Promise<void> {
  await using source = await openSource(place).catch(() => undefined)
  const image = await source?.image().catch(() => undefined)
  if (typeof ended === 'string') {
    expect(ended).toBe(digest)
    expect(image?.descriptor.digest).toBe(digest)
  } else {
    expect(ended).toBeInstanceOf(HeadstartError)
    expect(String(ended)).not.toContain('\n')
  }
  for (const layer of image?.layers ?? [])
    expect((await hashStream(await layer.open())).digest).toBe(layer.descriptor.digest)
}

const pull = (place: string) => (host: string) => copy(`docker://${host}/source:v1`, place)
const push = (repository: string) => (host: string) => copy(original, `docker://${host}/${repository}:v1`)

/** Faults that another try overcomes must be overcome; the others may end in an error. */
const faults: [string, Fault, 'overcome' | 'may fail'][] = [
  ['a cut before the answer', 'cut before the answer', 'overcome'],
  ['a cut inside the request', 'cut inside the request', 'overcome'],
  ['a cut inside the answer', 'cut inside the answer', 'overcome'],
  ['a short answer', 'short answer', 'may fail'],
  ['a corrupt answer', 'corrupt answer', 'may fail'],
  ['a corrupt request', 'corrupt request', 'may fail'],
  ['a delay', 'delay', 'overcome'],
  ['429 with Retry-After', { status: 429, headers: { 'retry-after': '0' } }, 'overcome'],
  ['429', { status: 429 }, 'overcome'],
  ['500', { status: 500 }, 'overcome'],
  ['503', { status: 503 }, 'overcome'],
  ['401', { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }, 'may fail'],
  ['403', { status: 403 }, 'may fail'],
  ['404', { status: 404 }, 'may fail'],
  ['a redirect to nowhere', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }, 'may fail'],
  ['a redirect to itself', { status: 307, headers: { location: '/v2/' } }, 'may fail'],
]

test.each(faults)('pull: %s', async (_, fault, outcome) => {
  const probe = await withFault(-1, fault, pull(`oci:${folder}/probe-${++count}:v1`))
  expect(probe.requests).toBeGreaterThanOrEqual(5)
  await Promise.all(
    Array.from({ length: probe.requests }, async (_, at) => {
      const place = `oci:${folder}/pull-${++count}:v1`
      const { ended } = await withFault(at, fault, pull(place))
      await check(place, ended)
      // The first request only finds out whether the registry speaks TLS.
      if (outcome === 'overcome' && at > 0) expect([at, ended]).toEqual([at, digest])
    }),
  )
})

test.each(faults)('push: %s', async (_, fault, outcome) => {
  const probe = await withFault(-1, fault, push(`probe-${++count}`))
  expect(probe.requests).toBeGreaterThanOrEqual(12)
  await Promise.all(
    Array.from({ length: probe.requests }, async (_, at) => {
      const repository = `push-${++count}`
      const { ended } = await withFault(at, fault, push(repository))
      await check(`docker://${registry.host}/${repository}:v1`, ended)
      if (outcome === 'overcome' && at > 0) expect([at, ended]).toEqual([at, digest])
    }),
  )
})
