/** Names spelled in ways that clients clean: the library of the format and Docker find every file of the rebuilt layer at the same place. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyImage } from '../../../image/verify.ts'
import { judge } from '../../peers/oracle/oracle.ts'
import { writeImage } from '../../support/images.ts'
import { dockerLoad } from '../../support/load.ts'
import { dir, file, hardlink, symlink, type TarItem } from '../../support/tar.ts'
import { layersOf, optimize, read, type TestFolder, testFolder, withImage } from '../support.ts'

let folder: TestFolder
beforeAll(async () => {
  folder = await testFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

/** A word on the name, the layer, and what the name means. */
const spelled: [string, TarItem[], string?][] = [
  ['above the root', [file('../x', 'content')]],
  ['far above the root', [file('../../../etc/x', 'content')], 'etc/x'],
  ['up and down again', [dir('a'), file('a/../x', 'content')]],
  ['through a folder that is not there', [file('nowhere/../x', 'content')]],
  ['from here', [file('./x', 'content')]],
  ['from the root', [file('/x', 'content')]],
  ['with empty parts', [dir('a'), file('a//x', 'content')], 'a/x'],
  ['with dots on the way', [dir('a'), file('a/./x', 'content')], 'a/x'],
  ['a folder without its slash', [{ ...dir('a'), name: 'a' }, file('a/x', 'content')], 'a/x'],
  ['twice, each time otherwise', [file('./x', 'old'), file('/x', 'content')]],
  ['a link to such a name', [file('a/../x', 'content'), hardlink('l', './x'), symlink('s', '../x')]],
]

test.each(spelled)('a name %s', async (name, items, path = 'x') => {
  const from = await writeImage(join(folder.path, name), { layers: [[...items, file('y', 'other')]] })
  const to = `oci:${join(folder.path, name)}-out:x`
  for (const zone of [[], [read(path)], [read('y')]]) {
    await optimize(from, to, zone)
    expect(await withImage(to, (image) => verifyImage(image))).toEqual([])
    const [before] = await layersOf(from, join(folder.path, `${name}-before`))
    const [after] = await layersOf(to, join(folder.path, `${name}-after`))
    if (!before || !after) throw new Error('no layer')
    expect(await judge(after.blob, after.tocDigest, before.tar)).toBe('')
    expect(await dockerLoad(to)).toBe('')
  }
})
