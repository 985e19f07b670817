/** Layers put together in memory: what comes out is what was ordered, and the verifier finds nothing. */
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { openEstargz } from '../../../../image/estargz/read/reader.ts'
import { verifyEstargz } from '../../../../image/estargz/verify/layer.ts'
import { dir, file, hardlink, symlink, tarOf } from '../../../support/tar.ts'
import { fetchOf, type MemoryLayer, writeInMemory } from '../in-memory.ts'
import { streamOf } from '../stream.ts'

const tar = await tarOf([
  dir('d/'),
  file('d/a', 'a'.repeat(1000)),
  file('d/big', Buffer.alloc(9000, 'big ')),
  hardlink('d/h', 'd/a'),
  symlink('d/s', 'a'),
  file('d/empty'),
  file('d/z', 'last'),
])

const opened = ({ bytes, tocDigest }: MemoryLayer) => openEstargz(bytes.length, fetchOf(bytes), { tocDigest })

async function faultsOf({ bytes, tocDigest, diffId, tar: content }: MemoryLayer): Promise<string[]> {
  const faults: string[] = []
  const claimed = {
    size: bytes.length,
    fetch: fetchOf(bytes),
    open: async () => streamOf(bytes),
    diffId,
    tocDigest,
    uncompressedSize: String(content.length),
  }
  await verifyEstargz(claimed, (message, path) => faults.push(`${path}: ${message}`))
  return faults
}

test('the zone stands before the landmark, the rest keeps its order', async () => {
  const written = await writeInMemory(tar, ['d/z', 'd/big'])
  const { entries, landmark, zoneEntries, zoneEnd } = await opened(written)
  expect(entries.map(({ path }) => path)).toEqual(['d/z', 'd/big', 'd', 'd/a', 'd/h', 'd/s', 'd/empty'])
  expect([landmark, zoneEntries, zoneEnd]).toEqual(['prefetch', 2, written.zoneBytes])
  expect(entries[1]?.chunks.map(({ size }) => size)).toEqual([4096, 4096, 808])
  expect(await faultsOf(written)).toEqual([])
})

test('without a zone the other landmark comes first, and nothing is fetched at once', async () => {
  const written = await writeInMemory(tar, [])
  const { landmark, zoneEnd } = await opened(written)
  expect([landmark, zoneEnd, written.zoneBytes]).toEqual(['no-prefetch', 0, 0])
  expect(await faultsOf(written)).toEqual([])
})

test('the blob is the tar that was told, compressed', async () => {
  const written = await writeInMemory(tar, ['d/a'])
  expect(gunzipSync(written.bytes).equals(written.tar)).toBe(true)
  expect(written.diffId).toBe(digestOf(written.tar))
})

test('small files share a member up to the size that is asked for, never the landmark’s', async () => {
  const written = await writeInMemory(tar, ['d/z'], { minChunkSize: 5000 })
  const { entries } = await opened(written)
  const chunkOf = (path: string) => entries.find((entry) => entry.path === path)?.chunks.at(-1)
  expect(chunkOf('d/z')?.innerOffset).toBe(0)
  expect(chunkOf('d/a')?.offset).not.toBe(chunkOf('d/z')?.offset)
  expect(await faultsOf(written)).toEqual([])
})

test('an empty layer has a landmark and a table of contents', async () => {
  const written = await writeInMemory(await tarOf([]), [])
  const { entries, landmark } = await opened(written)
  expect([entries, landmark]).toEqual([[], 'no-prefetch'])
  expect(await faultsOf(written)).toEqual([])
})
