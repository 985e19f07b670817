/** The rebuilt config: only the diffIDs change, however they are spelled; a history that doesn't fit is said, not called a fault. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { verifyImage } from '../../../image/verify.ts'
import { configWith } from '../../../optimizer/rebuild/manifest.ts'
import { Layout } from '../../support/layout.ts'
import { dockerLoad } from '../../support/load.ts'
import { file } from '../../support/tar.ts'
import { optimize, read, type TestFolder, testFolder, withImage } from '../support.ts'

let folder: TestFolder
let count = 0
beforeAll(async () => {
  folder = await testFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

async function rebuilt(config: object) {
  const layout = new Layout(join(folder.path, `in-${++count}`))
  const layer = await layout.layer([file('app', 'content')])
  const from = await layout.finish(await layout.image('amd64', [layer], { config }))
  const to = `oci:${join(folder.path, `out-${count}`)}:x`
  const { notes } = await optimize(from, to, [read('app')])
  return withImage(to, async (image) => {
    const raw: unknown = JSON.parse(Buffer.from(image.rawConfig).toString())
    return { from, to, notes, raw, image, problems: await verifyImage(image) }
  })
}

test.each([
  ['fewer', [{ created_by: 'a', empty_layer: true }], 0],
  ['more', [{ created_by: 'a' }, { created_by: 'b' }], 2],
])('a history that describes %s layers is noted, and the result is valid', async (_, history, filled) => {
  const { from, to, notes, raw, problems } = await rebuilt({ history })
  expect(notes).toEqual([
    `the history in the config describes ${filled} layers, the image has 1${filled > 1 ? ', which Docker refuses' : ''}; it was left unchanged`,
  ])
  expect(raw).toMatchObject({ history })
  expect(problems).toEqual([])
  const complaint = filled > 1 ? 'too many non-empty layers in History section' : ''
  expect([await dockerLoad(from), await dockerLoad(to)]).toEqual([complaint, complaint])
})

test('a string entrypoint and all that nobody here knows come out as they were', async () => {
  const config = {
    config: { Entrypoint: '/bin/app', Cmd: null, Labels: { a: 'b' }, ArgsEscaped: true, Shell: ['sh'] },
    author: 'me',
    created: '2020-01-01T00:00:00Z',
    'os.version': '10.0',
    'os.features': ['x'],
    'moby.buildkit.cache.v0': 'abc',
  }
  const { to, raw, image } = await rebuilt(config)
  expect(raw).toMatchObject(config)
  expect(image.config.process.entrypoint).toEqual(['/bin/app'])
  expect(await dockerLoad(to)).toBe('')
})

test.each([
  '{"rootfs":{"type":"layers","Diff_IDs" : ["a"]},"big":12345678901234567890}',
  '{"ROOTFS":{"type":"layers"},"x":1}',
  '{"rootfs":{"type":"layers","diff_ids":[],"DIFF_IDS":["a"]}}',
  '{"rootfs":{"diff_ids":null}}',
])('diffIDs spelled in any way are replaced: %s', (raw) => {
  const id = digestOf('new')
  const text = configWith(Buffer.from(raw), [id]).toString()
  expect(text.match(/diff_ids/gi)).toEqual(['diff_ids'])
  expect(JSON.parse(text)).toMatchObject({ rootfs: { diff_ids: [id] } })
  if (raw.includes('big')) expect(text).toContain('12345678901234567890')
})
