/** The command's entry: which Node runs it, and what it leaves on the machine. */
import { chmod, mkdir, readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { sandbox } from '../support/headstart.ts'

test('compiled code is not kept in the temporary folder, where anyone could plant it', async () => {
  await using box = await sandbox()
  const shared = `${box.folder}/shared`
  await mkdir(shared)
  await chmod(shared, 0o1777)
  const { status, stderr } = await box.run(['--version'], { env: { TMPDIR: shared } })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(await readdir(shared)).toEqual([])
})
