/** What a killed command left is removed by the next one, whichever it is. */
import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sandbox } from '../support/headstart.ts'

test.each([
  ['optimize', ['optimize', 'oci:nowhere', 'oci:made', '--trace', 'trace.json']],
  ['mount', ['mount', 'oci:nowhere', '.']],
  ['fleet run', ['fleet', 'run', 'fleet.yaml', '--state', 'state.sqlite']],
])('%s', async (_, command) => {
  await using box = await sandbox()
  const { pid } = spawnSync('true')
  const left = join(box.folder, 'work', `headstart-${pid}-0123abcd`)
  await mkdir(left, { recursive: true, mode: 0o700 })
  await writeFile(join(left, 'spool'), 'half of a layer')
  await writeFile(join(box.folder, 'trace.json'), 'bin/sh\n')
  const images = "images: [{ repositories: ['127.0.0.1:1/app'], tags: [a], ready: { exit: true } }]"
  await writeFile(join(box.folder, 'fleet.yaml'), `version: 1\n${images}\n`)
  expect(await box.leftovers()).toHaveLength(1)
  expect((await box.run(command)).status).toBe(1) // there is no such image
  expect(await box.leftovers()).toEqual([])
})
