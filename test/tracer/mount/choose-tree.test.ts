/** Where an image's files come from: read lazily only where every layer really is eStargz, whatever its annotations say. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { TOC_DIGEST_ANNOTATION } from '../../../image/estargz/format/toc.ts'
import { openSource } from '../../../image/sources.ts'
import { createWorkspace } from '../../../system/workspace.ts'
import { chooseTree } from '../../../tracer/mount/choose-tree.ts'
import { Layout, OCI_LAYER } from '../../support/layout.ts'
import { file } from '../../support/tar.ts'
import { tempFolder } from '../../support/temp.ts'
import { writeLazyImage } from './lazy/estargz-image.ts'

const annotations = { [TOC_DIGEST_ANNOTATION]: `sha256:${'0'.repeat(64)}` }

async function treeOf(reference: string) {
  await using source = await openSource(reference)
  await using workspace = await createWorkspace()
  const tree = await chooseTree(await source.image(), workspace, {})
  return 'folder' in tree ? readFile(join(tree.folder, 'name'), 'utf8') : 'lazy'
}

test('an eStargz image is read lazily', async () => {
  await using temp = await tempFolder()
  expect(
    await treeOf(
      await writeLazyImage(await temp.sub('i'), [
        { zone: [{ name: 'name', content: Buffer.from('x') }], rest: [] },
      ]),
    ),
  ).toBe('lazy')
})

test.each([
  ['zstd, as ctr-remote converts to zstd:chunked', zstdCompressSync, `${OCI_LAYER}+zstd`],
  ['gzip, compressed again by what kept the annotations', undefined, undefined],
])('a layer annotated as eStargz that is none is unpacked: %s', async (_, pack, mediaType) => {
  await using temp = await tempFolder()
  const layout = new Layout(await temp.sub('i'))
  const layer = await layout.layer([file('name', 'unpacked')], pack, mediaType)
  const image = await layout.image('amd64', [{ ...layer, annotations }])
  expect(await treeOf(await layout.finish(image))).toBe('unpacked')
})
