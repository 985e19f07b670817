/** Trees that no whole path reaches, names that are no text, links out of the tree: all is removed, and nothing else. */
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exists } from '../../../system/files/exists.ts'
import { removeTree, removeTreeSync } from '../../../system/files/remove-tree.ts'
import { runCommand } from '../../../system/process/command.ts'
import { removeFolder } from '../../../system/workspace.ts'
import { tempFolder } from '../../support/temp.ts'

/** 3,000 folders within each other, of which a path would have 6,000 bytes; three of 200 bytes at every level of another tree. */
const MAKE_DEEP = `
import os
for depth in range(3000):
    os.mkdir("d")
    os.chdir("d")
    if depth % 500 == 0:
        open(b"caf\\xe9 -", "w").close()
        os.symlink("/etc", "link")
        os.mkdir(b"beside\\xff", 0o000)
`

test.each<[string, (folder: string) => Promise<void>]>([
  ['a workspace', removeFolder],
  ['in turns', removeTree],
  ['at once', async (folder) => removeTreeSync(Buffer.from(folder))],
])('folders within each other, more than a path can name: %s', async (_name, remove) => {
  await using temp = await tempFolder()
  const folder = join(temp.path, 'tree')
  await mkdir(folder, { mode: 0o700 })
  await runCommand('python3', ['-c', MAKE_DEEP], { cwd: folder })
  try {
    await remove(folder)
    expect(await readdir(temp.path)).toEqual([])
  } finally {
    await runCommand('rm', ['-rf', folder])
  }
})

test('a link is removed, not followed; what is gone is no error', async () => {
  await using temp = await tempFolder()
  await writeFile(join(await temp.sub('kept'), 'file'), 'x')
  await symlink(join(temp.path, 'kept'), join(await temp.sub('gone/inner'), 'link'))
  await removeTree(join(temp.path, 'gone'))
  await removeTree(join(temp.path, 'gone'))
  expect(await exists(join(temp.path, 'gone'))).toBe(false)
  expect(await readdir(join(temp.path, 'kept'))).toEqual(['file'])
})
