/** `headstart mount` as another user of the machine sees it. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { until } from '../../../scripts/support/until.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { busyboxImage } from '../../support/images.ts'
import { device, file } from '../../support/tar.ts'

const run = promisify(execFile)
const NOBODY = { uid: 65534, gid: 65534 }

async function lazyImage(box: Sandbox): Promise<void> {
  const image = await busyboxImage(join(box.folder, 'image'), {
    command: 'echo started; sleep 60',
    app: [file('text', 'for everybody\n'), device('null', 1, 3)],
  })
  const start = ['--engine', 'runc', '--network', 'none', '--ready-log', 'started']
  expect((await box.run(['optimize', image, 'oci:lazy', ...start])).status).toBe(0)
}

/** What a user `nobody` gets of it, while it is mounted. */
async function asNobody(box: Sandbox, flags: readonly string[], script: string): Promise<string> {
  const folder = join(box.folder, `mounted${flags.length}`)
  await mkdir(folder)
  await chmod(box.folder, 0o755)
  let said = ''
  const { status, stderr } = await box.run(['mount', ...flags, 'oci:lazy', folder], {
    meanwhile: async (child) => {
      await until('it is mounted', () => child.stderr().includes('is mounted'))
      said = (await run('sh', ['-c', `exec 2>&1; cd ${folder}; ${script}; true`], NOBODY)).stdout
      child.kill('SIGINT')
    },
  })
  expect(status, stderr).toBe(0)
  return said
}

test('only its user reads it, everybody with --allow-other, and nobody gets a device', async () => {
  await using box = await sandbox()
  await lazyImage(box)
  expect(await asNobody(box, [], 'cat text')).toMatch(/can't cd to/)
  const said = await asNobody(box, ['--allow-other'], 'cat text; cat null; findmnt -no OPTIONS -T .')
  expect(said).toMatch(/^for everybody\n.*null: Permission denied\n/)
  expect(said).toMatch(/nosuid/)
  expect(await box.leftovers()).toEqual([])
})

test('Ctrl-C while it waits for the registry ends it, without a fault of ours', async () => {
  await using box = await sandbox()
  const folder = join(box.folder, 'mounted')
  await mkdir(folder)
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const address = silent.address()
  const host = typeof address === 'object' ? `127.0.0.1:${address?.port}` : ''
  const asked = once(silent, 'connection')
  const { status, stderr } = await box.run(['mount', `docker://${host}/app:1`, folder], {
    meanwhile: async (child) => {
      await asked
      child.kill('SIGINT')
    },
  })
  silent.close()
  expect({ status, stderr }).toEqual({ status: 130, stderr: 'headstart: interrupted\n' })
  expect(await box.leftovers()).toEqual([])
})
