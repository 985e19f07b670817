/** The files of a layer: there while it is worked on, gone after; a second set of the same name can follow the first. */
import { readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { openLayerFiles } from '../../../optimizer/spool/layer-files.ts'
import { testFolder } from '../support.ts'

test('disposing removes them, once or twice, and the name can be used again', async () => {
  await using folder = await testFolder()
  const first = await openLayerFiles(folder.path, '3')
  first.spool.append(Buffer.from('tar'))
  expect(await readdir(folder.path)).toEqual(['3.members', '3.tar'])
  await first[Symbol.asyncDispose]()
  expect(await readdir(folder.path)).toEqual([])
  await using second = await openLayerFiles(folder.path, '3')
  await first[Symbol.asyncDispose]()
  expect(second.spool.size).toBe(0)
  expect(await readdir(folder.path)).toEqual(['3.members', '3.tar'])
})

test('where one of them cannot be made, none stays', async () => {
  await using folder = await testFolder()
  await using _ = await openLayerFiles(folder.path, '1')
  await expect(openLayerFiles(folder.path, '1')).rejects.toThrow('EEXIST')
  expect(await readdir(folder.path)).toEqual(['1.members', '1.tar'])
})
