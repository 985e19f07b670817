/** Which folders another user could touch. */
import { chmod, chown, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { exchangeable, isPrivate, isSharedFolder } from '../../../system/files/private-folder.ts'
import { NOBODY } from '../../support/nobody.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'

let temp: TempFolder
beforeEach(async () => {
  temp = await tempFolder()
  vi.stubEnv('SUDO_UID', undefined)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await temp[Symbol.asyncDispose]()
})

async function withMode(mode: number, owner = 0): Promise<string> {
  const folder = await temp.sub(`${mode.toString(8)}-${owner}`)
  await chmod(folder, mode)
  await chown(folder, owner, owner)
  return folder
}

test('private: a real folder, our own, closed to all others', async () => {
  const folder = await withMode(0o700)
  const [link, file] = [join(temp.path, 'link'), join(temp.path, 'file')]
  await symlink(folder, link)
  await writeFile(file, '', { mode: 0o600 })
  expect(await isPrivate(folder)).toBe(true)
  const others = [link, file, join(temp.path, 'absent'), await withMode(0o750), await withMode(0o700, NOBODY)]
  expect(await Promise.all(others.map(isPrivate))).toEqual(others.map(() => false))
})

test('exchangeable: who owns it or a folder above, or may write there without the sticky bit', async () => {
  expect(await exchangeable(await withMode(0o755))).toBeUndefined()
  expect(await exchangeable(await withMode(0o1777))).toBeUndefined()
  expect(await exchangeable(await withMode(0o777))).toMatch(/^others may write to .*\/777-0, which lacks/)
  const theirs = await withMode(0o755, NOBODY)
  const below = await temp.sub('755-65534/below')
  for (const folder of [theirs, below])
    expect(await exchangeable(folder)).toBe(`${theirs} belongs to another user (uid ${NOBODY})`)
})

test('the user who became root through sudo is trusted', async () => {
  vi.stubEnv('SUDO_UID', String(NOBODY))
  expect(await exchangeable(await withMode(0o755, NOBODY))).toBeUndefined()
})

test('shared: others may create files in it', async () => {
  const folders = await Promise.all([0o1777, 0o775, 0o757, 0o755].map((mode) => withMode(mode)))
  expect(await Promise.all(folders.map(isSharedFolder))).toEqual([true, true, true, false])
})
