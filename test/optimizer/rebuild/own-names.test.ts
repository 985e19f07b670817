/** Layers that ship files under the names of eStargz: kept where a link means them, left out with a line, refused as folders; never broken. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyImage } from '../../../image/verify.ts'
import { readBounded } from '../../../system/files/read-bounded.ts'
import { runCommand } from '../../../system/process/command.ts'
import { judge } from '../../peers/oracle/oracle.ts'
import { sandbox } from '../../support/headstart.ts'
import { writeImage } from '../../support/images.ts'
import { dockerLoad } from '../../support/load.ts'
import { dir, file, hardlink, symlink, type TarItem } from '../../support/tar.ts'
import { layersOf, optimize, read, type TestFolder, testFolder, withImage } from '../support.ts'

let folder: TestFolder
let count = 0
beforeAll(async () => {
  folder = await testFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

async function rebuilt(layer: readonly TarItem[] | Buffer) {
  const from = await writeImage(join(folder.path, `in-${++count}`), { layers: [layer] })
  const to = `oci:${join(folder.path, `out-${count}`)}:x`
  const { notes } = await optimize(from, to, [read('app')])
  expect(await withImage(to, (image) => verifyImage(image))).toEqual([])
  expect(await dockerLoad(to)).toBe('')
  const [on] = await layersOf(to, join(folder.path, `layers-${count}`))
  if (on === undefined) throw new Error('no layer')
  expect(await judge(on.blob, on.tocDigest, on.tar)).toBe('')
  return { notes, tar: on.tar, to }
}
const app = file('app', 'content')
const NAMES = ['.prefetch.landmark', '.no.prefetch.landmark', 'stargz.index.json']

test.each(NAMES)('a file %s is left out, and it is said', async (name) => {
  for (const spelled of [name, `./${name}`, `/${name}`, `.//${name}`]) {
    const { notes } = await rebuilt([file(spelled, 'of the image'), app])
    expect(notes).toEqual([`layer 1: ${name} is left out: its name is reserved by eStargz`])
  }
})

test.each(NAMES)('a link to a file %s keeps its content', async (name) => {
  const { tar } = await rebuilt([
    file(name, 'of the image', { mode: 0o600 }),
    hardlink('a', name),
    hardlink('b', name),
    app,
  ])
  expect(await runCommand('tar', ['-xOf', tar, 'a'])).toBe('of the image')
  const list = await runCommand('tar', ['-tvf', tar])
  expect(list).toMatch(/^-rw------- .* a$/m)
  expect(list).toMatch(/b link to a$/m)
})

test.each(NAMES)('a symlink %s, or a hardlink of that name, is left out, and it is said', async (name) => {
  expect((await rebuilt([symlink(name, 'app'), app])).notes).toHaveLength(1)
  expect((await rebuilt([app, hardlink(name, 'app')])).notes).toHaveLength(1)
})

test.each(NAMES)('a folder %s is refused', async (name) => {
  const layers: TarItem[][] = [
    [dir(name), file(`${name}/x`, '1'), app],
    [file(`./${name}/x`, '1'), app],
  ]
  for (const layer of layers) {
    await expect(rebuilt(layer)).rejects.toMatchObject({
      code: 'E_ESTARGZ',
      message: expect.stringContaining(`it has a folder named ${name}, which eStargz reserves`),
    })
  }
})

test.each(NAMES)('below another folder %s is a name as any', async (name) => {
  const { notes, tar } = await rebuilt([dir('d'), file(`d/${name}`, 'kept'), app])
  expect(notes).toEqual([])
  expect(await runCommand('tar', ['-xOf', tar, `d/${name}`])).toBe('kept')
})

test('a layer that was eStargz until another tool recompressed it loses its old names without a note', async () => {
  const { to } = await rebuilt([app, file('rest', 'x')])
  const bytes = await withImage(to, async ({ layers: [layer] }) =>
    layer ? readBounded(await layer.open(), 1 << 20, 'layer') : Buffer.alloc(0),
  )
  const again = await rebuilt(gunzipSync(gzipSync(gunzipSync(bytes))))
  expect(again.notes).toEqual([])
})

test('the command prints the line', async () => {
  await using box = await sandbox()
  const reference = await writeImage(join(box.folder, 'in'), { layers: [[app, file(NAMES[0] ?? '', 'x y')]] })
  await writeFile(join(box.folder, 'record'), '{"path":"app"}\n')
  const { stderr } = await box.run([
    'optimize',
    reference,
    `oci:${box.folder}/out`,
    '--trace',
    join(box.folder, 'record'),
  ])
  expect(stderr).toContain('warning: layer 1: .prefetch.landmark is left out')
})
