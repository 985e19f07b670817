/** The reference tool's record: all that it names goes into the zone, devices and fifos too. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sandbox } from '../support/headstart.ts'
import { writeImage } from '../support/images.ts'
import { device, file, symlink } from '../support/tar.ts'

test('a record that names a fifo, a device and a link has them all in the zone', async () => {
  await using box = await sandbox()
  const pipe = { ...file('run/pipe'), type: 'fifo' as const }
  const reference = await writeImage(join(box.folder, 'in'), {
    layers: [
      [file('unused', 'x'), pipe, device('dev/null', 1, 3), symlink('link', 'app'), file('app', 'content')],
    ],
  })
  const record = join(box.folder, 'record.json')
  const names = ['run/pipe', 'dev/null', 'link', 'app']
  await writeFile(record, names.map((path) => `${JSON.stringify({ path })}\n`).join(''))
  const to = `oci:${box.folder}/out`
  const { status, stderr } = await box.run(['optimize', reference, to, '--trace', record])
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('not in the image')])
  const { stdout } = await box.run(['inspect', to, '--files', '--json'])
  const layers: unknown = JSON.parse(stdout)
  expect(layers).toMatchObject({
    layers: [{ entries: [...names, 'unused'].map((path) => ({ path })), estargz: { landmark: 'prefetch' } }],
  })
})
