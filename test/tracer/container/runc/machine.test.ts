/** Control groups as they are mounted: version 2, version 1, none, and read-only. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from '../../../../system/process/command.ts'
import { lookAtControlGroups } from '../../../../tracer/container/runc/machine.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-machine-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('this machine has some, and they can be used', async () => {
  expect(await lookAtControlGroups()).toEqual({ version: expect.any(Number), fault: undefined })
})

test('one hierarchy is version 2, one for each controller version 1', async () => {
  await mkdir(join(folder, 'two'))
  await writeFile(join(folder, 'two/cgroup.controllers'), 'memory\n')
  expect(await lookAtControlGroups(join(folder, 'two'))).toEqual({ version: 2, fault: undefined })
  await mkdir(join(folder, 'one/memory'), { recursive: true })
  expect(await lookAtControlGroups(join(folder, 'one'))).toEqual({ version: 1, fault: undefined })
})

test('none, and some that nobody can write to, as in a container', async () => {
  expect(await lookAtControlGroups(join(folder, 'none'))).toEqual({
    version: undefined,
    fault: expect.stringMatching(/^no control groups are mounted/),
  })
  const closed = join(folder, 'closed')
  await mkdir(closed)
  await runCommand('mount', ['-t', 'tmpfs', 'tmpfs', closed])
  try {
    await mkdir(join(closed, 'memory'))
    await runCommand('mount', ['-o', 'remount,ro', closed])
    expect(await lookAtControlGroups(closed)).toEqual({
      version: 1,
      fault: expect.stringMatching(/read-only/),
    })
  } finally {
    await runCommand('umount', [closed])
  }
})
