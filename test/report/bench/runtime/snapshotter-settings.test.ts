/** Settings of the machine's snapshotter that a measurement shows. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readsWholeFiles, settingsNote } from '../../../../report/bench/runtime/snapshotter-settings.ts'
import { tempFolder } from '../../../support/temp.ts'

test('passthrough, wherever TOML lets it be written', () => {
  for (const toml of [
    '[fuse]\npassthrough = true\n',
    'log_level = "x"\nfuse.passthrough = true # fast\n',
    '[blob]\nchunk_size = 1\n[ fuse ]\n  attr_timeout = 5\n  passthrough=true',
  ])
    expect(readsWholeFiles(toml), toml).toBe(true)
  for (const toml of [
    '',
    'passthrough = true',
    '[fuse]\npassthrough = false',
    '[fuse]\n# passthrough = true',
    '[fuse]\n[blob]\npassthrough = true',
  ])
    expect(readsWholeFiles(toml), toml).toBe(false)
})

test('is said with the file; a file that is not there says nothing', async () => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'config.toml')
  expect(await settingsNote(file)).toBe('')
  await writeFile(file, '[fuse]\npassthrough = true\n')
  expect(await settingsNote(file)).toBe(
    `; it fetches a file whole when it is opened (passthrough in ${file})`,
  )
})
