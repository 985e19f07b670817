/** What is read whole is a file, and no larger than it may be. */
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readInput, readSettings, readWhole } from '../../../system/files/read-whole.ts'
import { SPECIAL_FILES, specialFiles } from '../../support/special-files.ts'

let special: Awaited<ReturnType<typeof specialFiles>>
let folder: string

beforeAll(async () => {
  special = await specialFiles()
  folder = special.folder
  await writeFile(join(folder, 'text'), 'text')
  await symlink('text', join(folder, 'link'))
})

afterAll(() => special[Symbol.asyncDispose]())

test.each(Object.entries(SPECIAL_FILES))('%s is not read: %s', async (name, code) => {
  await expect(readWhole(join(folder, name), 1000)).rejects.toMatchObject({ code })
  await expect(readSettings(join(folder, name))).rejects.toMatchObject({ code })
})

test('a file is, through a link too, up to the limit, also one that has no size', async () => {
  for (const name of ['text', 'link']) expect(String(await readWhole(join(folder, name), 4))).toBe('text')
  await expect(readWhole(join(folder, 'text'), 3)).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
  expect(String(await readWhole('/proc/self/cmdline', 1 << 20))).toBe(
    await readFile('/proc/self/cmdline', 'utf8'),
  )
  await expect(readWhole('/proc/self/cmdline', 1)).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
})

test('what a person names may be a pipe or a device, and ends at the limit', async () => {
  const text = readInput(join(folder, 'pipe'))
  await writeFile(join(folder, 'pipe'), 'piped')
  expect(await text).toBe('piped')
  await expect(readInput('/dev/zero', 1 << 20)).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
  await expect(readInput(join(folder, 'huge'))).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
})
