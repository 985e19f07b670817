/** A tag is only given away while what was read is what its source names; and limits are kept before anything is given away. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { writeTrace } from '../../../tracer/trace/file.ts'
import { copy } from '../../support/copy.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { writeImage } from '../../support/images.ts'
import { startLooseRegistry } from '../../support/loose-registry.ts'
import { file } from '../../support/tar.ts'
import { traceFile, traceOf } from '../../tracer/trace/traces.ts'

let box: Sandbox
let registry: TestRegistry
let [older, newer] = ['', '']

beforeAll(async () => {
  box = await sandbox()
  registry = await startRegistry()
  older = await writeImage(join(box.folder, 'older'), { layers: [[file('app', 'older')]] })
  newer = await writeImage(join(box.folder, 'newer'), { layers: [[file('app', 'newer')]] })
  await writeTrace(join(box.folder, 'trace.json'), traceOf([traceFile('app', { size: 5, ranges: [[0, 5]] })]))
})
afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await box[Symbol.asyncDispose]()
})

const digestOf = async (place: string): Promise<string> => {
  await using source = await openSource(place)
  return (await source.image()).descriptor.digest
}
const optimize = (from: string, to: string, ...flags: string[]) =>
  box.run(['optimize', from, to, '--trace', 'trace.json', '--force', ...flags])

test('in place, a build that was pushed since is not replaced by an older one', async () => {
  const place = `docker://${registry.host}/app:v1`
  const read = await copy(older, place)
  const now = await copy(newer, place, { force: true })
  const late = await optimize(`${place}@${read}`, place)
  expect(late).toMatchObject({ status: 5, stdout: '' })
  expect(late.stderr).toContain(
    `${place} names ${now} by now, not ${read}, which was read: nothing was replaced`,
  )
  expect(await digestOf(place)).toBe(now)
  expect(await optimize(`${place}@${now}`, place)).toMatchObject({ status: 0 })
  // Who means the older one leaves out the tag.
  expect(await optimize(place.replace(':v1', `@${read}`), place)).toMatchObject({ status: 0 })
})

test('a build that is pushed while the old one is rebuilt stays, too', async () => {
  let isTaken = false
  let meanwhile = async () => {}
  await using loose = await startLooseRegistry((asked, answer) => {
    if (isTaken && asked.method === 'PUT' && asked.path.includes('/blobs/')) void meanwhile()
    return answer()
  })
  const place = `docker://${loose.host}/app:v1`
  await copy(older, place)
  const newest = await openSource(newer)
  const { rawManifest, descriptor } = await newest.image()
  meanwhile = async () => {
    loose.manifests.set('app/v1', { bytes: Buffer.from(rawManifest), type: descriptor.mediaType })
  }
  isTaken = true
  const { status, stderr } = await optimize(place, place)
  expect(status, stderr).toBe(5)
  expect(loose.manifests.get('app/v1')?.bytes).toEqual(Buffer.from(rawManifest))
  await newest[Symbol.asyncDispose]()
})

test('--if-current asks the same of a target apart, and needs a tag to ask for', async () => {
  const place = `docker://${registry.host}/app:apart`
  const read = await copy(older, place)
  await copy(newer, place, { force: true })
  const target = `${place}-esgz`
  expect(await optimize(`${place}@${read}`, target, '--if-current')).toMatchObject({ status: 5 })
  await expect(digestOf(target)).rejects.toThrow(/has no image/)
  expect(await optimize(`${place}@${read}`, target)).toMatchObject({ status: 0 })
  expect(await optimize(older, target, '--if-current')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('is not a tag of a registry'),
  })
})

test('limits: what exceeds one gets no tag', async () => {
  const [place, target] = [
    `docker://${registry.host}/app:limits`,
    `docker://${registry.host}/app:limits-esgz`,
  ]
  await copy(older, place)
  const grown = await optimize(place, target, '--max-growth', '1%', '--max-prefetch', '10')
  expect(grown.status).toBe(3)
  expect(grown.stderr).toMatch(
    /the layers would grow by \d+\.\d %, and may grow by 1\.0 %; \d+ bytes would be fetched before the start, of 10 at most: nothing was replaced/,
  )
  await expect(digestOf(target)).rejects.toThrow(/has no image/)
  const within = await optimize(place, target, '--max-growth', '5000%', '--max-prefetch', '1MB', '--json')
  expect(within.status, within.stderr).toBe(0)
  expect(JSON.parse(within.stdout)).toMatchObject({
    coverage: 1,
    profiles: [],
    start: { bytes: expect.any(Number), fullBytes: expect.any(Number) },
  })
})
