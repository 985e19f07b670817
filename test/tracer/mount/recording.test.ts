/** What was recorded gets its names at the end: the work grows with what was touched and listed, not with one times the other. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type FileSystem, ROOT_NODE } from '../../../tracer/mount/file-system.ts'
import { createRecorder } from '../../../tracer/mount/recording.ts'
import { createDirectoryFileSystem } from '../../../tracer/mount/tree/directory.ts'
import { indexTree } from '../../../tracer/mount/tree/tree-index.ts'
import { tempFolder } from '../../support/temp.ts'

const FILES = 300

test('files that a server names by their folder alone: a folder is listed once for all of them', async () => {
  await using temp = await tempFolder()
  const folder = await temp.sub('root/many')
  for (let at = 0; at < FILES; at++) await writeFile(join(folder, `f${at}`), 'x')
  const tree = createDirectoryFileSystem(await indexTree(join(temp.path, 'root')))
  let listed = 0
  const counting: FileSystem = {
    ...tree,
    entries(node) {
      const entries = tree.entries(node)
      listed += entries.length
      return entries
    },
  }
  const { log, snapshot } = createRecorder(counting)
  const many = tree.lookup(ROOT_NODE, 'many') ?? ROOT_NODE
  log.found(ROOT_NODE, undefined, many)
  for (const { node } of tree.entries(many)) {
    log.found(many, undefined, node)
    log.opened(node, 1)
  }
  const paths = snapshot().files.map(({ path }) => path)
  expect(paths.sort()).toEqual(Array.from({ length: FILES }, (_, at) => `many/f${at}`).sort())
  expect(listed).toBe(FILES + 1)
})
