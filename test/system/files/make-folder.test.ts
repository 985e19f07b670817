/** Folders with those above them; and where none can be made, an end. */
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from '../../../system/files/make-folder.ts'
import { tempFolder } from '../../support/temp.ts'

test('all that are missing, with the mode; one that is there stays as it is', async () => {
  await using temp = await tempFolder()
  const folder = join(temp.path, 'a/b/c')
  expect(await makeFolder(folder, 0o700)).toBe(join(temp.path, 'a'))
  expect(await makeFolder(folder, 0o755)).toBeUndefined()
  for (const each of [folder, join(temp.path, 'a')]) expect((await stat(each)).mode & 0o777).toBe(0o700)
})

test('a file above it, and a file system in which none can be made', async () => {
  await using temp = await tempFolder()
  await writeFile(join(temp.path, 'file'), '')
  await expect(makeFolder(join(temp.path, 'file'), 0o700)).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(temp.path, 'file/a'), 0o700)).rejects.toMatchObject({ code: 'ENOTDIR' })
  await expect(makeFolder('/proc/nowhere/at-all', 0o700)).rejects.toMatchObject({ code: 'ENOENT' })
})
