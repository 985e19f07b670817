/** A layer packed as no image's may be: every command that would have to unpack it says so in the same line, and the others don't mind. */

import { execFileSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeTrace } from '../../tracer/trace/file.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { Layout } from '../support/layout.ts'
import { file } from '../support/tar.ts'
import { traceOf } from '../tracer/trace/traces.ts'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
  await writeTrace(join(box.folder, 'trace.json'), traceOf([]))
})
afterAll(() => box[Symbol.asyncDispose]())

describe.each(['xz', 'bzip2'])('%s', (program) => {
  let image: string
  beforeAll(async () => {
    const layout = new Layout(join(box.folder, program))
    const pack = (tar: Buffer) => execFileSync(program, ['-c'], { input: tar })
    const layers = [await layout.layer([file('base', 'x')]), await layout.layer([file('app', 'y')], pack)]
    const config = { config: { Cmd: ['/app'] } }
    image = await layout.finish(await layout.image('amd64', layers, { config }))
  })

  test.each([
    ['verify', []],
    ['inspect', ['--files']],
    ['optimize', ['oci:out', '--trace', 'trace.json']],
    ['profile', ['--ready-exit', '--engine', 'runc']],
  ])('%s names it', async (command, more) => {
    const { status, stdout, stderr } = await box.run([command, image, ...more])
    expect(stderr).toMatch(
      new RegExp(
        `^headstart: (the )?layer sha256:[0-9a-f]{64} is compressed with ${program}, which is not supported\n.*Recompress it with gzip or zstd\n$`,
        'm',
      ),
    )
    expect(stdout).toBe('')
    expect(stderr).not.toMatch(/headstart optimize/)
    expect(status).toBe(1)
  })

  test('what is not unpacked is copied and listed', async () => {
    const copied = await box.run(['copy', image, `oci:${program}-copy`])
    expect(copied.status, copied.stderr).toBe(0)
    const blobs = (layout: string) => readdir(join(box.folder, layout, 'blobs/sha256'))
    expect((await blobs(`${program}-copy`)).sort()).toEqual((await blobs(program)).sort())
    const inspected = await box.run(['inspect', `oci:${program}-copy`])
    expect(inspected.status, inspected.stderr).toBe(0)
  })
})
