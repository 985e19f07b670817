/** The next build of an image costs its new layers: on a registry, from one command to the next. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { writeTrace } from '../../../tracer/trace/file.ts'
import { copy } from '../../support/copy.ts'
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { writeImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'
import { traceFile, traceOf } from '../../tracer/trace/traces.ts'

let box: Sandbox
let registry: TestRegistry
let proxy: CountingProxy
/** digest of the layer that both builds have */
let base = ''

beforeAll(async () => {
  box = await sandbox()
  registry = await startRegistry()
  proxy = await startCountingProxy(registry.host)
  for (const build of ['1', '2']) {
    const layers = [[file('library', 'shared')], [file('app', `build ${build}`)]]
    const image = await writeImage(join(box.folder, build), { layers })
    await copy(image, `docker://${registry.host}/app:${build}`)
  }
  await using source = await openSource(`docker://${registry.host}/app:1`)
  base = (await source.image()).layers[0]?.descriptor.digest ?? ''
  const reads = traceFile('library', { size: 6, ranges: [[0, 6]] })
  await writeTrace(join(box.folder, 'trace.json'), traceOf([reads]))
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
  await box[Symbol.asyncDispose]()
})

const optimize = (build: string, to: string, flags: readonly string[] = [], choices = {}) =>
  box.run(
    ['optimize', `${proxy.host}/app:${build}`, `${proxy.host}/${to}`, '--trace', 'trace.json', ...flags],
    choices,
  )
const isFetched = (): boolean => proxy.take().some((line) => line.startsWith('GET') && line.includes(base))
const digestIn = (stdout: string): string => /@(sha256:[0-9a-f]{64})$/m.exec(stdout)?.[1] ?? 'none'

test('a layer that both builds have is fetched, compressed and sent once', async () => {
  const first = await optimize('1', 'app:1-esgz')
  expect(first.stdout, first.stderr).toMatch(/^1 converted .*\n2 converted /m)
  expect(isFetched()).toBe(true)
  const second = await optimize('2', 'app:2-esgz')
  expect(second.stdout, second.stderr).toMatch(/^1 unchanged .*\n2 converted /m)
  expect(isFetched()).toBe(false)
  const sound = await box.run(['verify', `${proxy.host}/app:2-esgz`])
  expect(sound.stdout).toMatch(/is sound: 2 layers/)
  proxy.take()
  const again = await optimize('2', 'app:2-again', ['--no-cache'])
  expect(isFetched()).toBe(true)
  expect(digestIn(again.stdout)).toBe(digestIn(second.stdout))
})

test('another repository, which has no such layer, gets it', async () => {
  await optimize('1', 'app:1-esgz', ['--force'])
  const { stdout, stderr } = await optimize('1', 'elsewhere:1')
  expect(stdout, stderr).toMatch(/^1 converted /m)
})

test('with --no-cache nothing is kept; with --cache it is kept there', async () => {
  const env = { HEADSTART_CACHEDIR: join(box.folder, 'unused') }
  expect(await optimize('1', 'kept:1', ['--no-cache'], { env })).toMatchObject({ status: 0 })
  expect(await optimize('1', 'kept:2', ['--cache', 'named'], { env })).toMatchObject({ status: 0 })
  expect(await optimize('1', 'kept:3', ['--cache-size', '0'], { env })).toMatchObject({ status: 0 })
  const names = await readdir(box.folder)
  expect(names).not.toContain('unused')
  expect(names).toContain('named')
})

test('a folder that can’t be used is an error if it was named; the usual one is done without', async () => {
  await mkdir(join(box.folder, 'open'), { mode: 0o777 })
  const flags = ['--cache', join(box.folder, 'open')]
  const named = await optimize('1', 'lost:1', flags)
  expect(named.stderr).toMatch(/open is not safe to use: .*\n.*--cache/)
  expect(named.status).toBe(1)
  const env = { HEADSTART_CACHEDIR: join(box.folder, 'trace.json/cache') }
  expect(await optimize('1', 'lost:2', [], { env })).toMatchObject({
    status: 0,
    stderr: expect.not.stringContaining('cache'),
  })
})
