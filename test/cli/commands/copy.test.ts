/** `headstart copy` of an image whose tables of contents are in another one: both go, or it is said. And what it says of an engine. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import { verifyImage } from '../../../image/verify.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { ignoreMissing } from '../../../tracer/container/docker/errors.ts'
import { dockerEngine } from '../../support/engine.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { writeImage } from '../../support/images.ts'
import { optimized } from '../../support/optimized.ts'
import { file } from '../../support/tar.ts'

let box: Sandbox
let registry: TestRegistry
let from: string

beforeAll(async () => {
  box = await sandbox()
  registry = await startRegistry()
  from = `docker://${registry.host}/app:v1`
  const original = await writeImage(join(box.folder, 'original'), {
    layers: [[file('a', randomBytes(9000))]],
  })
  await optimized(original, from, { startup: [], options: { format: 'estargz+external-toc' } })
})

afterAll(async () => {
  await box[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
})

const faultsOf = async (reference: string) => {
  await using source = await openSource(reference)
  return await verifyImage(await source.image())
}

test('they go along to a registry, from a registry and from a layout', async () => {
  const to = `docker://${registry.host}/other:v2`
  const copied = await box.run(['copy', from, to, '--json'])
  expect(JSON.parse(copied.stdout)).toMatchObject({ target: to, tocImage: { name: `${to}-esgztoc` } })
  expect(copied.stderr).toContain(`copied to ${to}-esgztoc@sha256:`)
  expect(await faultsOf(to)).toEqual([])

  for (const suffix of ['', '-esgztoc']) await box.run(['copy', `${from}${suffix}`, `oci:both:v1${suffix}`])
  const third = `docker://${registry.host}/third:v3`
  expect((await box.run(['copy', 'oci:both:v1', third])).stderr).toContain(
    `copied to ${third}-esgztoc@sha256:`,
  )
  expect(await faultsOf(third)).toEqual([])
})

test('elsewhere they are left behind, which is said', async () => {
  const { status, stderr } = await box.run(['copy', from, 'oci:single:v1'])
  expect(status).toBe(0)
  expect(stderr).toMatch(/app:v1-esgztoc is left behind: only in a registry is it found beside the image/)
})

test('what has the other name already is replaced only with --force, and nothing is written before', async () => {
  const taken = `docker://${registry.host}/taken:v1`
  await box.run(['copy', from, `${taken}-esgztoc`])
  const refused = await box.run(['copy', from, taken])
  expect(refused).toMatchObject({ status: 1 })
  expect(refused.stderr).toMatch(/taken:v1-esgztoc already exists/)
  await expect(faultsOf(taken)).rejects.toMatchObject({ code: 'E_IMAGE_NOT_FOUND' })
  expect(await box.run(['copy', from, taken, '--force'])).toMatchObject({ status: 0 })
  expect(await faultsOf(taken)).toEqual([])
})

test('an image that has its own is copied without a word about others', async () => {
  const plain = `docker://${registry.host}/plain:v1`
  const original = `oci:${join(box.folder, 'original')}:latest`
  await optimized(original, plain, { startup: [], options: {} })
  const { status, stderr } = await box.run(['copy', plain, 'oci:plain:v1'])
  expect(status, stderr).toBe(0)
  expect(stderr).not.toContain('esgztoc')
})

test('into an engine: only what was optimized for other runtimes is told that it unpacks whole layers', async () => {
  const docker = await dockerEngine()
  const name = 'hs-copy-engine:v1'
  try {
    const copied = await box.run([
      'copy',
      `oci:${join(box.folder, 'original')}:latest`,
      `docker-daemon:${name}`,
    ])
    expect(copied).toMatchObject({ status: 0, stdout: expect.stringContaining(name) })
    expect(copied.stderr).not.toContain('layers')
    const flags = ['--keep-diff-id', '--format', 'zstd:chunked', '--force']
    const made = await box.run(['optimize', `docker-daemon:${name}`, `docker-daemon:${name}`, ...flags])
    expect(made.stderr).toContain('the Docker engine unpacks whole layers')
  } finally {
    await ignoreMissing(docker.getImage(name).remove({ force: true }))
  }
})
