/** Paths of a deep tree, short enough for any call. */

import { readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ShortPaths } from '../../../system/files/short-paths.ts'
import { tempFolder } from '../../support/temp.ts'

test('a short path stays as it is, a long one goes through a folder that is held open', async () => {
  await using temp = await tempFolder()
  const folder = Array.from({ length: 100 }, (_, at) => `folder-${at}`).join('/')
  await mkdir(join(temp.path, folder), { recursive: true })
  await writeFile(join(temp.path, folder, 'file'), 'deep')
  const paths = new ShortPaths(`${temp.path}/`)
  try {
    expect(paths.of('folder-0')).toBe(`${temp.path}/folder-0`)
    const short = paths.of(`${folder}/file`)
    expect(short.length).toBeLessThan(400)
    expect(readFileSync(short, 'utf8')).toBe('deep')
    expect(paths.areMany).toBe(false)
  } finally {
    paths.release()
  }
  await expect(readFile('/proc/self/fd/9999')).rejects.toThrow()
})

test('the root of the working directory', () => {
  expect(new ShortPaths('').of('')).toBe('.')
})
