/** Which files of a layer are prefetched, as they are counted everywhere. */
import { randomFillSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { isInZone, zoneFilesOf } from '../../../../image/estargz/read/zone.ts'
import { dir, file, symlink, tarOf } from '../../../support/tar.ts'
import { opened, writeInMemory } from '../in-memory.ts'

const dense = randomFillSync(Buffer.alloc(200 << 10))
const tar = await tarOf([
  dir('d/'),
  file('d/whole', 'x'),
  file('d/empty', ''),
  symlink('d/link', 'whole'),
  file('d/part', dense),
  file('d/rest', 'y'),
])

test('whole files with content, and apart from them those of which ranges are ahead', async () => {
  const zone = ['d/whole', 'd/empty', 'd/link']
  const layer = await opened(
    await writeInMemory(tar, zone, { chunkSize: 64 << 10, hot: { 'd/part': [[0, 4096]] } }),
  )
  expect(zoneFilesOf(layer)).toEqual({ zoneFiles: 1, splitFiles: 1 })
  expect(layer.entries.filter((entry) => isInZone(entry, layer)).map(({ path }) => path)).toEqual(['d/whole'])
})

test('without a zone none', async () => {
  expect(zoneFilesOf(await opened(await writeInMemory(tar, [])))).toEqual({ zoneFiles: 0, splitFiles: 0 })
})
