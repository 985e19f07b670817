/** Packages and folders that no start touched. */
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { createDirectoryFileSystem } from '../../../tracer/mount/tree/directory.ts'
import { indexTree } from '../../../tracer/mount/tree/tree-index.ts'
import { findUnused, unusedFolders } from '../../../tracer/mount/unused.ts'
import { tempFolder } from '../../support/temp.ts'

const files: Record<string, string> = {
  'var/lib/dpkg/info/used.list': '/.\n/usr\n/lib/used.so\n',
  'var/lib/dpkg/info/idle:amd64.list': '/usr/share/idle/a\n/lib/idle.so\n/usr/share/gone\n',
  'usr/lib/used.so': 'used',
  'usr/lib/idle.so': 'idle!',
  'usr/share/idle/a': '1234567890',
  'lib/apk/db/installed': 'P:musl\nF:lib\nR:musl.so\n\nP:extra\nF:opt/extra\nR:x\nR:y\n',
  'opt/extra/x': 'xx',
  'opt/extra/y': 'yy',
  'app/site-packages/Idle_Lib-1.0.dist-info/RECORD':
    'idle_lib/a.py,,\n"idle_lib/b,c.py",,\n../../bin/idle,,\n',
  'app/site-packages/idle_lib/a.py': 'a',
  'app/site-packages/idle_lib/b,c.py': 'bc',
  'bin/idle': '#!',
  'app/node_modules/express/index.js': 'e',
  'app/node_modules/@scope/idle/index.js': 'idle-js',
  'app/node_modules/express/node_modules/deep/index.js': 'deep',
}

test('packages of four managers, by the files they really have, touched or not', async () => {
  await using temp = await tempFolder()
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(temp.path, path)), { recursive: true })
    await writeFile(join(temp.path, path), content)
  }
  await symlink('opt', join(temp.path, 'linked'))
  const tree = createDirectoryFileSystem(await indexTree(temp.path))
  const touched = new Set(['usr/lib/used.so', 'app/node_modules/express/index.js'])
  const { packages, folders } = await findUnused(tree, touched)
  expect(packages).toEqual([
    // dpkg says /lib, which is a folder here, so that only the other file is found
    { manager: 'dpkg', name: 'idle', files: 1, bytes: 10 },
    { manager: 'npm', name: '@scope/idle', files: 1, bytes: 7 },
    { manager: 'pip', name: 'Idle_Lib', files: 3, bytes: 5 },
    { manager: 'apk', name: 'extra', files: 2, bytes: 4 },
    { manager: 'npm', name: 'deep', files: 1, bytes: 4 },
  ])
  expect(folders.map(({ path }) => path)).toContain('opt')
  expect(folders.map(({ path }) => path)).not.toContain('usr')
})

test('a path is found behind a link at the root', async () => {
  await using temp = await tempFolder()
  await mkdir(join(temp.path, 'usr/lib'), { recursive: true })
  await mkdir(join(temp.path, 'var/lib/dpkg/info'), { recursive: true })
  await symlink('usr/lib', join(temp.path, 'lib'))
  await writeFile(join(temp.path, 'usr/lib/a.so'), 'abc')
  await writeFile(join(temp.path, 'var/lib/dpkg/info/a.list'), '/lib/a.so\n')
  const { packages } = await findUnused(createDirectoryFileSystem(await indexTree(temp.path)), new Set())
  expect(packages).toEqual([{ manager: 'dpkg', name: 'a', files: 1, bytes: 3 }])
})

test('folders: the topmost untouched ones, largest first', () => {
  const sizes = new Map([
    ['usr/share/doc/a', 5],
    ['usr/share/doc/b/c', 5],
    ['usr/lib/x', 1],
    ['opt/a/b', 20],
    ['file', 3],
  ])
  expect(unusedFolders(sizes, new Set(['usr/lib/x']))).toEqual([
    { path: 'opt', bytes: 20, files: 1 },
    { path: 'usr/share', bytes: 10, files: 2 },
  ])
})
