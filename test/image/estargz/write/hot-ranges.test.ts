/** Ranges ahead of the landmark: where they come to lie, that the tar has nothing of it, and that a carrier that lies is found. */
import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { carriedAt } from '../../../../image/estargz/format/carrier.ts'
import { rangesAhead } from '../../../../image/estargz/format/entry.ts'
import { decodeChunks, partOf } from '../../../../image/estargz/read/decode.ts'
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

test('copies stand at the top, one chunk to a range of up to a mebibyte', async () => {
  const written = await split({ 'd/dense': [[0, 130 * KIB]], 'd/text': [[256 * KIB, 570 * KIB]] })
  const { entries, zoneEnd, zoneEntries, landmark } = await opened(written)
  expect([landmark, zoneEntries, zoneEnd]).toEqual(['prefetch', 1, written.zoneBytes])
  const of = (path: string) => entries.filter((entry) => entry.path === path)
  expect(of('d/dense').flatMap(rangesAhead)).toEqual([[0, 130 * KIB]])
  expect(of('d/text').flatMap(rangesAhead)).toEqual([[256 * KIB, 570 * KIB]])
  expect(entries.flatMap(({ ahead }) => ahead)).toHaveLength(2)
  for (const { ahead, chunks } of entries)
    for (const copy of ahead) {
      expect(copy.end).toBeLessThanOrEqual(zoneEnd)
      expect(chunks[0]?.offset).toBeGreaterThan(zoneEnd)
    }
  expect(await faultsOf(written)).toEqual([])
})

test('a range of more than a mebibyte makes several chunks, and much content several chains', async () => {
  const big = Buffer.concat(Array.from({ length: 30 }, () => text))
  const written = await writeInMemory(await tarOf([file('big', big), file('small', 'small')]), [], {
    chunkSize: 4 << 20,
    hot: { big: [[4096, big.length]] },
  })
  const { entries } = await opened(written)
  const ahead = entries[0]?.ahead ?? []
  expect(ahead.length).toBeGreaterThan(big.length / (1 << 20))
  expect(Math.max(...ahead.map(({ size }) => size))).toBeLessThanOrEqual(1 << 20)
  expect(new Set(ahead.map(({ offset }) => offset)).size).toBeGreaterThan(1)
  expect(await faultsOf(written)).toEqual([])
})

test('every chunk and every copy reads the same', async () => {
  const written = await split({
    'd/dense': [
      [0, 4096],
      [200 * KIB, 280 * KIB],
    ],
    'd/text': [[4096, 8192]],
  })
  const { entries } = await opened(written)
  for (const [path, content] of Object.entries(contents)) {
    const { chunks = [], ahead = [] } = entries.find((entry) => entry.path === path) ?? {}
    expect(ahead.length).toBeGreaterThan(0)
    for (const chunk of [...chunks, ...ahead]) {
      const bytes = written.bytes.subarray(chunk.offset, chunk.end)
      const read = partOf(await decodeChunks(bytes, { chunks: [chunk] }), chunk)
      expect(read.equals(content.subarray(chunk.fileOffset, chunk.fileOffset + chunk.size)), path).toBe(true)
    }
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

test('a carrier holds what an extra field can at the most', async () => {
  const written = await split({ 'd/dense': [[0, dense.length - 1]], 'd/text': [[1, text.length]] })
  let count = 0
  for (let at = carriedAt(written.bytes, 0); at; at = carriedAt(written.bytes, at.next), count++)
    expect(at.end - at.start).toBeLessThanOrEqual(0xffff - 4)
  expect(count).toBeGreaterThan(9)
  expect(await faultsOf(written)).toEqual([])
})

test('a chain that is damaged, or missing, is found', async () => {
  const written = await split({ 'd/dense': [[0, 100 * KIB]] })
  const damagedAt = (at: number) => {
    const bytes = Buffer.from(written.bytes)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    return { ...written, bytes }
  }
  expect(await faultsOf(damagedAt(5000))).toEqual([
    expect.stringMatching(/the chain at 16: |d\/dense: the copy of its byte 0/),
  ])
  expect(await faultsOf(damagedAt(12))).toContainEqual(
    expect.stringMatching(/no chain of carriers begins at 16/),
  )
})
