/** Paths of an image on this machine: no link leads out of the root, and what is read is a file with an end. */
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFileInside, makeFolderInside, readInside } from '../../../tracer/container/root-files.ts'
import { tempFolder } from '../../support/temp.ts'

/** `l0 → l1 → …`, the last to `end`. */
async function chain(root: string, length: number, end: string): Promise<void> {
  for (let index = 0; index < length; index++)
    await symlink(index + 1 < length ? `l${index + 1}` : end, join(root, `l${index}`))
}

async function rootBeside(temp: { sub(name: string): Promise<string> }) {
  const root = await temp.sub('root')
  const outside = await temp.sub('outside')
  await writeFile(join(outside, 'passwd'), 'mallory:x:0:0::/:/bin/sh\n')
  return { root, outside }
}

test.each([41, 50, 200])('a chain of %i symlinks is an error, and leads nowhere', async (length) => {
  await using temp = await tempFolder()
  const { root, outside } = await rootBeside(temp)
  await chain(root, length, outside)
  expect(() => makeFolderInside(root, '/l0/made')).toThrow(/"\/l0\/made" has too many symlinks/)
  await expect(readInside(root, 'l0/passwd')).rejects.toMatchObject({ code: 'E_PATH' })
  expect(await readdir(outside)).toEqual(['passwd'])
})

test('as many as the kernel follows lead where they would in the container', async () => {
  await using temp = await tempFolder()
  const { root, outside } = await rootBeside(temp)
  await chain(root, 40, outside)
  makeFolderInside(root, '/l0/made/below')
  expect(await readdir(outside)).toEqual(['passwd'])
  expect((await stat(join(root, outside, 'made/below'))).isDirectory()).toBe(true)
  expect(await readInside(root, 'l0/passwd')).toBeUndefined()
})

test.each(['../../outside', '..', '/', '/../outside', './a/../../..'])(
  'a link to %s stays in the root',
  async (target) => {
    await using temp = await tempFolder()
    const { root, outside } = await rootBeside(temp)
    await symlink(target, join(root, 'etc'))
    makeFolderInside(root, 'etc/made')
    makeFolderInside(root, '../made')
    expect(await readInside(root, 'etc/outside/passwd')).toBeUndefined()
    expect(await readdir(outside)).toEqual(['passwd'])
    expect((await readdir(temp.path)).sort()).toEqual(['outside', 'root'])
  },
)

test('a folder where the image has a file is refused, and the file stays', async () => {
  await using temp = await tempFolder()
  const { root } = await rootBeside(temp)
  await writeFile(join(root, 'data'), 'kept')
  expect(() => makeFolderInside(root, '/data/x')).toThrow(/"data" is not a directory in the image/)
  expect(await readInside(root, 'data')).toBe('kept')
})

test('names of any bytes, per cent signs and all, are found', async () => {
  await using temp = await tempFolder()
  const { root } = await rootBeside(temp)
  makeFolderInside(root, '/é%41/ü')
  await writeFile(join(root, 'é%41/ü/f'), 'x')
  expect(await readInside(root, '/é%41/ü/f')).toBe('x')
})

test.each<[string, (path: string) => unknown]>([
  ['a fifo', (path) => execFileSync('mkfifo', [path])],
  ['an endless device', (path) => execFileSync('mknod', [path, 'c', '1', '5'])],
  ['a folder', (path) => mkdir(path)],
  ['a link to an endless device', (path) => symlink('/dev/zero', path)],
  ['a file of 8 GiB', (path) => writeFile(path, '').then(() => truncate(path, 2 ** 33))],
  ['nothing', () => {}],
])('%s is not read', async (_, make) => {
  await using temp = await tempFolder()
  const { root } = await rootBeside(temp)
  await mkdir(join(root, 'etc'))
  await make(join(root, 'etc/passwd'))
  expect(await readInside(root, 'etc/passwd')).toBeUndefined()
})

test('a file that says it is empty and has no end is read to the limit', async () => {
  // As those of /proc: it says 0 bytes, and has more.
  expect(await readInside('/proc/self', 'status')).toMatch(/^Name:/)
})

test('a file is made where nothing is, and no link leads it out of the root', async () => {
  await using temp = await tempFolder()
  const { root, outside } = await rootBeside(temp)
  await symlink(outside, join(root, 'link'))
  makeFileInside(root, '/link/file')
  makeFileInside(root, '/a/b')
  expect(await readdir(outside)).toEqual(['passwd'])
  expect((await stat(join(root, outside, 'file'))).size).toBe(0)
  await writeFile(join(root, 'a/b'), 'kept')
  makeFileInside(root, '/a/b')
  expect((await stat(join(root, 'a/b'))).size).toBe(4)
})
