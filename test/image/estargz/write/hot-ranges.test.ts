/** Ranges ahead of the landmark: where they come to lie, that the tar has nothing of it, and that a carrier that lies is found. */
import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { carriedAt, MAX_CARRIED_BYTES } from '../../../../image/estargz/format/carrier.ts'
import { carriedChunks } from '../../../../image/estargz/format/entries.ts'
import { decodeChunks } from '../../../../image/estargz/read/decode.ts'
import { dir, file, tarOf } from '../../../support/tar.ts'
import { faultsOf, opened, writeInMemory } from '../in-memory.ts'

const KIB = 1024
const dense = randomFillSync(Buffer.alloc(500 * KIB))
const text = Buffer.from(
  Array.from({ length: 60_000 }, (_, index) => `line ${Math.imul(index, 7919) % 10_007}\n`).join(''),
)
const tar = await tarOf([
  dir('d/'),
  file('d/small', 'small'),
  file('d/dense', dense),
  file('d/text', text),
  file('d/last', 'last'),
])
const contents: Readonly<Record<string, Buffer>> = { 'd/dense': dense, 'd/text': text }

const split = (hot: Record<string, [number, number][]>, zone: string[] = ['d/small']) =>
  writeInMemory(tar, zone, { chunkSize: 128 * KIB, hot })

test('hot ranges stand at the top, each chunk as large as a carrier can hold', async () => {
  const written = await split({ 'd/dense': [[0, 130 * KIB]], 'd/text': [[256 * KIB, 570 * KIB]] })
  const { entries, zoneEnd, zoneEntries, landmark } = await opened(written)
  expect([landmark, zoneEntries, zoneEnd]).toEqual(['prefetch', 1, written.zoneBytes])
  const hotOf = (path: string) =>
    entries
      .filter((entry) => entry.path === path)
      .flatMap(carriedChunks)
      .map(({ fileOffset, size }) => [fileOffset / KIB, size / KIB])
  expect(hotOf('d/dense')).toEqual([
    [0, 60],
    [60, 60],
    [120, 10],
  ])
  expect(hotOf('d/text')).toEqual([
    [256, 256],
    [512, 58],
  ])
  for (const entry of entries)
    for (const chunk of carriedChunks(entry)) {
      expect(chunk.end).toBeLessThanOrEqual(zoneEnd)
      expect(entry.offset).toBeGreaterThan(zoneEnd)
    }
  expect(await faultsOf(written)).toEqual([])
})

test('every file reads the same, chunk by chunk', async () => {
  const written = await split({
    'd/dense': [
      [0, 4096],
      [200 * KIB, 280 * KIB],
    ],
    'd/text': [[4096, 8192]],
  })
  const { entries } = await opened(written)
  for (const [path, content] of Object.entries(contents)) {
    const chunks = entries.find((entry) => entry.path === path)?.chunks ?? []
    const read = await Promise.all(
      chunks.map((chunk) =>
        decodeChunks(written.bytes.subarray(chunk.offset, chunk.end), { chunks: [chunk] }),
      ),
    )
    expect(Buffer.concat(read).equals(content), path).toBe(true)
  }
})

test('who unpacks the layer sees none of it', async () => {
  const written = await split({ 'd/dense': [[0, 100 * KIB]], 'd/text': [[0, text.length - 1]] })
  expect(gunzipSync(written.bytes).equals(written.tar)).toBe(true)
  const plain = await writeInMemory(tar, ['d/small'], { chunkSize: 128 * KIB })
  const names = (bytes: Buffer) => execFileSync('tar', ['tzf', '-'], { input: bytes }).toString()
  expect(names(written.bytes)).toBe(names(plain.bytes))
})

test('a layer without another zone, a file whose last chunk is hot', async () => {
  const written = await split({ 'd/dense': [[dense.length - 5000, dense.length]] }, [])
  const { landmark, zoneEntries, entries } = await opened(written)
  expect([landmark, zoneEntries]).toEqual(['prefetch', 0])
  expect(entries.map(({ path }) => path)).toEqual(['d', 'd/small', 'd/dense', 'd/text', 'd/last'])
  expect(await faultsOf(written)).toEqual([])
})

test('a carrier holds 65,531 bytes at the most', async () => {
  const written = await split({ 'd/dense': [[0, dense.length - 1]], 'd/text': [[1, text.length]] })
  let count = 0
  for (let at = carriedAt(written.bytes, 0); at; at = carriedAt(written.bytes, at.next), count++)
    expect(at.end - at.start).toBeLessThanOrEqual(MAX_CARRIED_BYTES)
  expect(count).toBeGreaterThan(9)
  expect(await faultsOf(written)).toEqual([])
})

test('a carrier that is damaged, or missing, is found', async () => {
  const written = await split({ 'd/dense': [[0, 100 * KIB]] })
  const first = carriedAt(written.bytes, 0)
  const damagedAt = (at: number) => {
    const bytes = Buffer.from(written.bytes)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    return { ...written, bytes }
  }
  expect(await faultsOf(damagedAt((first?.start ?? 0) + 5000))).toEqual([
    expect.stringContaining('d/dense: '),
  ])
  expect(await faultsOf(damagedAt(12))).toContainEqual(expect.stringMatching(/^d\/dense: .*not in a carrier/))
})
