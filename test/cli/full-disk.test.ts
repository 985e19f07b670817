/** A disk that is full: whoever meets it says which folder needs room, and what to do. On a small tmpfs. */

import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from '../../system/process/command.ts'
import { writeTrace } from '../../tracer/trace/file.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { writeImage } from '../support/images.ts'
import { file } from '../support/tar.ts'
import { traceOf } from '../tracer/trace/traces.ts'

let box: Sandbox
let image: string
let small: string
beforeAll(async () => {
  box = await sandbox()
  image = await writeImage(join(box.folder, 'image'), {
    layers: [[file('app', randomBytes(3 << 20))]],
    config: { Cmd: ['/app'] },
  })
  await writeTrace(join(box.folder, 'trace.json'), traceOf([]))
  small = join(box.folder, 'small')
  await mkdir(small)
  await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'none', small])
})
afterAll(() => box[Symbol.asyncDispose]())

const OTHER = /^ {2}Free some, or choose a folder on another disk$/m
const TEMPORARY = /^ {2}Free some, or set HEADSTART_TMPDIR to a folder on a disk with room/m

test.each<[string, string[], RegExp, RegExp, boolean]>([
  ['a layout', ['copy', 'IMAGE', 'oci:small/out'], /in small\/out$/m, OTHER, false],
  ['an archive', ['copy', 'IMAGE', 'oci-archive:small/out.tar'], /in small$/m, OTHER, false],
  ['a Docker archive', ['copy', 'IMAGE', 'docker-archive:small/d.tar:x:1'], /in small$/m, OTHER, false],
  [
    'what is rebuilt',
    ['optimize', 'IMAGE', 'oci:small/out', '--trace', 'trace.json'],
    /in small\/out$/m,
    OTHER,
    false,
  ],
  [
    'a rebuild on its way',
    ['optimize', 'IMAGE', 'oci:out', '--trace', 'trace.json'],
    /in \/.*\/small\/headstart-/,
    TEMPORARY,
    true,
  ],
  [
    'a root that is unpacked',
    ['profile', 'IMAGE', '--engine', 'runc', '--ready-exit'],
    /in \/.*\/small\/headstart-.* for the layer sha256:[0-9a-f]{64}$/m,
    TEMPORARY,
    true,
  ],
])('%s', async (_name, args, where, hint, isTemporary) => {
  const env = isTemporary ? { HEADSTART_TMPDIR: small } : {}
  const { status, stderr } = await box.run(
    args.map((arg) => (arg === 'IMAGE' ? image : arg)),
    { env },
  )
  expect(stderr).toMatch(/^headstart: not enough space in /m)
  expect(stderr).toMatch(where)
  expect(stderr).toMatch(hint)
  expect(status).toBe(1)
})

test('what is written with -o', async () => {
  await runCommand('sh', ['-c', `cat /dev/zero > ${small}/fill || true`])
  try {
    const { status, stderr } = await box.run([
      'trace',
      'merge',
      'trace.json',
      'trace.json',
      '-o',
      'small/t.json',
    ])
    expect(stderr).toMatch(/^headstart: not enough space in small for small\/t\.json$/m)
    expect(stderr).toMatch(OTHER)
    expect(status).toBe(1)
  } finally {
    await runCommand('rm', [`${small}/fill`])
  }
})

test('an archive that is unpacked', async () => {
  const copied = await box.run(['copy', image, 'docker-archive:plain.tar:x:1'])
  expect(copied.status, copied.stderr).toBe(0)
  await runCommand('gzip', ['plain.tar'], { cwd: box.folder })
  const { stderr } = await box.run(['inspect', 'docker-archive:plain.tar.gz'], {
    env: { HEADSTART_TMPDIR: small },
  })
  expect(stderr).toMatch(/^headstart: not enough space in \/.*\/small\/headstart-/m)
  expect(stderr).toMatch(TEMPORARY)
})
