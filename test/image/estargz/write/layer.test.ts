/** Layers put together in memory: what comes out is what was ordered, and the verifier finds nothing. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { decompress } from '../../../../image/compression/decompress.ts'
import { digestOf } from '../../../../image/digest.ts'
import { crc64 } from '../../../../image/tar/crc64.ts'
import { dir, file, hardlink, symlink, tarOf } from '../../../support/tar.ts'
import { faultsOf, opened, writeInMemory } from '../in-memory.ts'
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

test('zstd:chunked is the same layer, of which the tar holds nothing but its landmark', async () => {
  const options = { name: 'zstd:chunked' } as const
  const [written, estargz] = [await writeInMemory(tar, ['d/z'], options), await writeInMemory(tar, ['d/z'])]
  const [{ codec, entries, zoneEnd }, other] = [await opened(written), await opened(estargz)]
  expect([codec, zoneEnd]).toEqual(['zstd', written.zoneBytes])
  expect(entries.map(({ path, digest }) => [path, digest])).toEqual(
    other.entries.map(({ path, digest }) => [path, digest]),
  )
  expect(await faultsOf(written)).toEqual([])
  const { stream } = await decompress(streamOf(written.bytes))
  expect(Buffer.concat(await stream.toArray()).equals(written.tar)).toBe(true)
})

test('its tar-split data makes the tar again', async () => {
  const written = await writeInMemory(tar, ['d/big'], { name: 'zstd:chunked+podman' })
  const { offset = 0, size = 0, content } = written.frames?.tarSplit ?? {}
  const lines = zstdDecompressSync(written.bytes.subarray(offset, offset + size))
  expect(lines).toHaveLength(content ?? 0)
  let at = 0
  for (const [index, line] of lines.toString().trimEnd().split('\n').entries()) {
    const { type, payload, size: length = 0, position } = lineSchema.parse(JSON.parse(line))
    expect(position).toBe(index)
    const bytes = Buffer.from(payload ?? '', 'base64')
    const here = written.tar.subarray(at, at + (type === 1 ? length : bytes.length))
    if (type === 1 && length > 0) expect(bytes).toEqual(crc64(here))
    if (type === 2) expect(here.equals(bytes)).toBe(true)
    at += here.length
  }
  expect(at).toBe(written.tar.length)
})

const lineSchema = z.object({
  type: z.number(),
  payload: z.string().nullable(),
  size: z.number().optional(),
  position: z.number(),
})

test('a damaged chunk of zstd:chunked is found', async () => {
  const written = await writeInMemory(tar, ['d/z'], { name: 'zstd:chunked' })
  const { entries } = await opened(written)
  const { offset = 0 } = entries.find(({ path }) => path === 'd/a')?.chunks[0] ?? {}
  const bytes = Buffer.from(written.bytes)
  bytes.writeUInt8(bytes.readUInt8(offset + 12) ^ 1, offset + 12)
  expect((await faultsOf({ ...written, bytes })).join()).toMatch(/d\/a: /)
})
