/** Copies an image to and from a registry that takes liberties: the setup of the tests, and the liberties themselves. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { copyImage } from '../../../image/copy.ts'
import { parseReference } from '../../../image/reference.ts'
import { registryTarget } from '../../../image/registry/target.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { ImageTarget } from '../../../image/types.ts'
import { writeImage } from '../../support/images.ts'
import type { Answer, Asked, LooseRegistry } from '../../support/loose-registry.ts'
import { dir, file } from '../../support/tar.ts'

/** The image that is copied, and the digest of its manifest. */
export const sample = { folder: '', original: '', digest: '' }
let count = 0

beforeAll(async () => {
  sample.folder = await mkdtemp(join(tmpdir(), 'hs-lenience-'))
  vi.stubEnv('DOCKER_CONFIG', sample.folder) // where nobody logged in
  sample.original = await writeImage(join(sample.folder, 'original'), {
    layers: [[dir('etc/'), file('etc/name', 'x')], [file('big', randomBytes(300_000))]],
  })
  sample.digest = await copy(sample.original, await openTarget(`oci:${sample.folder}/copy`))
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(sample.folder, { recursive: true })
})

export async function copy(from: string, opened: ImageTarget) {
  await using target = opened
  await using source = await openSource(from)
  await target.prepare({ force: false })
  return (await copyImage(await source.image(), target)).digest
}

export type Alter = (asked: Asked, answer: () => Answer) => Answer | 'cut'

export const push = async (host: string, name = 'app', chunkBytes?: number) =>
  copy(sample.original, await registryTarget(parseReference(`${host}/${name}:v1`), { chunkBytes }))
export const pull = async (host: string, name = 'app') =>
  copy(`docker://${host}/${name}:v1`, await openTarget(`oci:${sample.folder}/pull-${++count}`))

/** The registry has the image, in the bytes that were sent. */
export function expectWhole(registry: LooseRegistry, name = 'app') {
  expect(registry.manifests.has(`${name}/${sample.digest}`)).toBe(true)
  expect(registry.blobs.size).toBe(3)
}

export const isBlob = ({ path }: Asked) => /\/blobs\/sha256:/.test(path)
export const isManifest = ({ path }: Asked) => path.includes('/manifests/')
export const isUpload = ({ path }: Asked) => path.includes('/uploads/')

/** Answers `status`, to requests of this method and kind alone. */
export const says =
  (method: string, is: (asked: Asked) => boolean, status: number): Alter =>
  (asked, answer) =>
    asked.method === method && is(asked) ? { status } : answer()

/** What the registry did is what it should have; only the answer is another. */
export const tells =
  (method: string, is: (asked: Asked) => boolean, change: (answer: Answer) => Answer): Alter =>
  (asked, answer) =>
    asked.method === method && is(asked) ? change(answer()) : answer()

export const withStatus =
  (status: number) =>
  (answer: Answer): Answer => ({ ...answer, status: answer.status < 400 ? status : answer.status })
export const without =
  (name: string) =>
  (answer: Answer): Answer => ({ ...answer, headers: { ...answer.headers, [name]: undefined } })
export const located =
  (change: (location: string) => string) =>
  (answer: Answer): Answer => {
    const location = answer.headers?.location
    return typeof location === 'string'
      ? { ...answer, headers: { ...answer.headers, location: change(location) } }
      : answer
  }

/** Each first request of a kind is led to the same path with a mark. */
export const redirecting =
  (status: number, method: string): Alter =>
  (asked, answer) =>
    asked.method === method && asked.path !== '/v2/' && !asked.path.includes('moved=1')
      ? {
          status,
          headers: { location: `${asked.path}${asked.path.includes('?') ? '&' : '?'}moved=1` },
        }
      : answer()

/** The same answer, compressed. */
export const gzipped = (answer: Answer): Answer => {
  const body = gzipSync(answer.body ?? '')
  const headers = { ...answer.headers, 'content-encoding': 'gzip', 'content-length': `${body.length}` }
  return { ...answer, headers, body }
}
