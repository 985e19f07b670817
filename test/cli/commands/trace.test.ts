/** `trace show` with the trace's image: each layer's share, from a source that has to be open while its layers are read. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { writeTrace } from '../../../tracer/trace/file.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { writeImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'
import { traceFile, traceOf } from '../../tracer/trace/traces.ts'

let box: Sandbox
let registry: TestRegistry
let layout: string

beforeAll(async () => {
  box = await sandbox()
  registry = await startRegistry()
  layout = await writeImage(join(box.folder, 'image'), {
    layers: [[file('bin/app', 'x'.repeat(100))], [file('etc/conf', 'y'.repeat(50))]],
  })
  await writeTrace(join(box.folder, 'trace.json'), traceOf([traceFile('bin/app', { ranges: [[0, 100]] })]))
})

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await box[Symbol.asyncDispose]()
})

test.each([
  ['a layout', () => layout],
  ['an archive', () => 'oci-archive:image.tar'],
  ['a registry', () => `docker://${registry.host}/web:1`],
])('the image is read from %s', async (_, reference) => {
  const image = reference()
  if (image !== layout) expect(await box.run(['copy', layout, image])).toMatchObject({ status: 0 })
  const { status, stdout, stderr } = await box.run(['trace', 'show', 'trace.json', image])
  expect(status, stderr).toBe(0)
  expect(stdout).toMatch(/layer/)
})
