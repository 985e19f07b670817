/** Folders of this machine that a container is given. */
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prepareBindSources } from '../../../../tracer/container/options/bind-sources.ts'
import { tempFolder } from '../../../support/temp.ts'

const bind = (source: string, create: boolean) =>
  [{ type: 'bind', source, target: '/x', readOnly: false, create }] as const

test('-v makes its folder, --mount misses it, as docker run does', async () => {
  await using temp = await tempFolder()
  const folder = join(temp.path, 'a/b')
  await expect(prepareBindSources(bind(folder, false))).rejects.toThrow(
    `${folder} does not exist on this machine`,
  )
  await prepareBindSources(bind(folder, true))
  expect((await stat(folder)).isDirectory()).toBe(true)
  await prepareBindSources(bind(folder, false))
})

test('a folder that can’t be made is refused in a line', async () => {
  await using temp = await tempFolder()
  const file = join(temp.path, 'file')
  await writeFile(file, '')
  await expect(prepareBindSources(bind(join(file, 'x'), true))).rejects.toMatchObject({ code: 'E_OPTION' })
})
