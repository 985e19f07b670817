/** Temporary files beside their final place: whose they are, and when they go. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { besideName, isLeftover, removeLeftovers, writerOf } from '../../../system/files/leftovers.ts'
import { tempFolder } from '../../support/temp.ts'

test('a name tells what it stands for and who writes it, and no two are the same', async () => {
  const name = await besideName('trace.json')
  expect([isLeftover(name), isLeftover(name, 'trace.json'), isLeftover(name, 'race.json')]).toEqual([
    true,
    true,
    false,
  ])
  expect(writerOf(name)?.pid).toBe(process.pid)
  expect(await besideName('trace.json')).not.toBe(name)
  for (const other of ['trace.json', 'trace.json.headstart-', `${name}x`])
    expect(isLeftover(other)).toBe(false)
})

test('those of dead processes are removed, those of living ones and all else stay', async () => {
  await using temp = await tempFolder()
  const ours = await besideName('a')
  const dead = ours.replace(`-${process.pid}-`, '-4194304-') // no process has a number this large
  expect(isLeftover(dead, 'a')).toBe(true)
  for (const file of [ours, dead, 'a', 'notes']) await writeFile(join(temp.path, file), '')
  await removeLeftovers(temp.path, 'b')
  expect(await readdir(temp.path)).toHaveLength(4)
  await removeLeftovers(temp.path)
  expect((await readdir(temp.path)).toSorted()).toEqual([ours, 'a', 'notes'].toSorted())
})
