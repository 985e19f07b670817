/** Chains that lie: what a lazy runtime would cache wrong, or not at all, is told. */
import { randomFillSync } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { chainsIn } from '../../../../image/estargz/format/ahead.ts'
import { chainAt, chainOf } from '../../../../image/estargz/format/carrier.ts'
import { contentsOf } from '../../../../image/estargz/format/entries.ts'
import { encodeToc, type TocEntry } from '../../../../image/estargz/format/toc.ts'
import {
  encodeZstdFooter,
  SKIPPABLE_HEAD_BYTES,
  skippableHead,
} from '../../../../image/estargz/format/zstd-footer.ts'
import { chainFaults } from '../../../../image/estargz/verify/chains.ts'
import { file, tarOf } from '../../../support/tar.ts'
import { dataOf, forged, tocOf } from '../forged.ts'
import { faultsOf, opened, writeInMemory } from '../in-memory.ts'

const KIB = 1024
const content = randomFillSync(Buffer.alloc(200 * KIB))
const layer = await writeInMemory(await tarOf([file('f', content), file('g', content.subarray(1))]), [], {
  chunkSize: 80 * KIB,
  hot: {
    f: [
      [4 * KIB, 70 * KIB],
      [120 * KIB, 130 * KIB],
    ],
    g: [[0, KIB]],
  },
})
const toc = tocOf(layer.bytes)
const data = dataOf(layer.bytes)
const end = chainAt(data, 0)?.end ?? 0
const [edge, edgeEnd] = [gzipSync('\n'), gzipSync('\n')]

const chain = (...members: readonly Buffer[]): Buffer =>
  Buffer.concat(
    [...chainOf(members.map((member) => ({ size: member.length, member })))].map((part) =>
      'member' in part ? part.member : part,
    ),
  )

/** The layer with something else for its chain; what lies behind it moves. */
function withChain(bytes: Buffer, entries: readonly TocEntry[] = toc) {
  const moved = entries.map((entry) =>
    (entry.offset ?? 0) >= end ? { ...entry, offset: (entry.offset ?? 0) + bytes.length - end } : entry,
  )
  return faultsOf({ ...forged(Buffer.concat([bytes, data.subarray(end)]), moved), zoneBytes: 0, tocBytes: 0 })
}

const copies = chainsIn(toc).chains[0]?.copies ?? []
const contents: Readonly<Record<string, Buffer>> = { f: content, g: content.subarray(1) }
const pieces = copies.flatMap(({ name, fileOffset, size }) =>
  Array.from({ length: Math.ceil(size / 60_000) }, (_, index) =>
    gzipSync(
      contents[name]?.subarray(
        fileOffset + index * 60_000,
        fileOffset + Math.min(size, (index + 1) * 60_000),
      ) ?? Buffer.alloc(0),
    ),
  ),
)

test('the layer itself is sound, and so is one whose chain is cut elsewhere', async () => {
  expect(copies).toHaveLength(3)
  expect(await withChain(data.subarray(0, end))).toEqual([])
  expect(await withChain(chain(edge, ...pieces, edgeEnd))).toEqual([])
  expect(await withChain(chain(edge, ...pieces, gzipSync(''), edgeEnd))).toEqual([])
})

const without = <T>(all: readonly T[], at: number): T[] => all.filter((_, index) => index !== at)

test.each<[string, Buffer, RegExp]>([
  [
    'that holds other bytes',
    chain(edge, ...pieces.slice(0, -1), gzipSync(Buffer.alloc(KIB)), edgeEnd),
    /g: the copy of its byte 0 has the digest/,
  ],
  [
    'that holds too few',
    chain(edge, ...without(pieces, 2), edgeEnd),
    /the chain at 16 holds \d+ of \d+ bytes/,
  ],
  ['that holds too many', chain(edge, ...pieces, edgeEnd, edgeEnd), /the chain at 16: .*larger than|holds/],
  [
    'without what its anchor holds',
    chain(gzipSync('x'), ...pieces, edgeEnd),
    /the chain at 16 lacks its anchor/,
  ],
  [
    'with bytes behind its last member',
    chain(edge, ...pieces, edgeEnd, Buffer.from('hidden')),
    /the chain at 16: .*no gzip member/,
  ],
  ['that is none, but members of the tar', Buffer.concat(pieces), /no chain of carriers begins at 16|tar/],
])('a chain %s', async (_, bytes, fault) => {
  const faults = await withChain(bytes).catch((error: unknown) => [String(error)])
  expect(faults.join('\n')).toMatch(fault)
})

test.each<[string, (bytes: Buffer) => void]>([
  ['another length of its field', (bytes) => bytes.writeUInt16LE(bytes.readUInt16LE(10) + 4, 10)],
  ['another length of its subfield', (bytes) => bytes.writeUInt16LE(bytes.readUInt16LE(14) - 9, 14)],
  ['another subfield', (bytes) => bytes.write('XX', 12)],
  ['a comment', (bytes) => bytes.writeUInt8(4 | 16, 3)],
])('a carrier with %s', async (_, change) => {
  const bytes = Buffer.from(data.subarray(0, end))
  change(bytes)
  const faults = await withChain(bytes).catch((error: unknown) => [String(error)])
  expect(faults.join('\n')).toMatch(/no chain of carriers begins at 16|damaged|incorrect/)
})

test('a chain that no entry is about', async () => {
  const faults = await withChain(Buffer.concat([data.subarray(0, end), chain(gzipSync('hidden'))]))
  expect(faults).toEqual([
    expect.stringMatching(new RegExp(`the carrier at ${end} is not in the table of contents`)),
  ])
})

test('a bomb in a carrier is not inflated', async () => {
  const bomb = gzipSync(Buffer.alloc(60 << 20), { level: 9 })
  expect(bomb.length).toBeLessThan(65_000)
  expect((await withChain(chain(edge, bomb, edgeEnd))).join('\n')).toMatch(/the chain at 16: .*larger than/)
})

test('a copy of another file', async () => {
  const swapped = toc.map((entry) =>
    entry.offset === 16 && entry.name === 'g' ? { ...entry, name: 'f' } : entry,
  )
  await expect(withChain(data.subarray(0, end), swapped)).rejects.toThrow(/matches none of its chunks/)
})

test('a digest that lies of copy and chunk alike', async () => {
  const lying = toc.map((entry) =>
    entry.name === 'f' && entry.chunkOffset === 120 * KIB ? { ...entry, chunkDigest: digestOf('x') } : entry,
  )
  const faults = (await withChain(data.subarray(0, end), lying)).join('\n')
  expect(faults).toMatch(/f: the copy of its byte 122880 has the digest/)
  expect(faults).toMatch(/f: the chunk at \d+ has the digest/)
})

test('a chunk’s second copy', async () => {
  const [first, ...others] = toc
  const twice = first && { ...first, innerOffset: (first.innerOffset ?? 0) + (first.chunkSize ?? 0) }
  const moved = others.map((entry) =>
    entry.offset === 16
      ? { ...entry, innerOffset: (entry.innerOffset ?? 0) + (first?.chunkSize ?? 0) }
      : entry,
  )
  const entries = first && twice ? [first, twice, ...moved] : []
  await expect(withChain(data.subarray(0, end), entries)).rejects.toThrow(/matches none of its chunks/)
})

test('a file by the name of an anchor', async () => {
  const named = toc.map((entry) => (entry.name === 'f' ? entry : { ...entry }))
  named.push({ name: './.wh..wh.headstart.0', type: 'reg' })
  await expect(withChain(data.subarray(0, end), named)).rejects.toThrow(/has the name of an anchor/)
})

test('no landmark that says how far to prefetch', async () => {
  const other = toc.map((entry) =>
    entry.name === '.prefetch.landmark' ? { ...entry, name: '.no.prefetch.landmark' } : entry,
  )
  expect((await withChain(data.subarray(0, end), other)).join('\n')).toMatch(/ranges ahead, but no landmark/)
})

test('as many faults as a chain has copies come one by one', () => {
  const bytes = chain(edge, gzipSync(Buffer.alloc(300_000)), edgeEnd)
  const lying = Array.from({ length: 300_000 }, (_, at) => ({
    name: 'f',
    fileOffset: at,
    size: 1,
    digest: digestOf('x'),
    innerOffset: 1 + at,
  }))
  expect([...chainFaults(bytes, [{ offset: 16, copies: lying }])]).toHaveLength(300_000)
})

test('a chain is no larger than its copies, however far off the next data is', async () => {
  const hole = Buffer.alloc(8 << 20)
  const moved = toc.map((entry) =>
    (entry.offset ?? 0) >= end ? { ...entry, offset: (entry.offset ?? 0) + hole.length } : entry,
  )
  const { entries } = contentsOf(moved, data.length + hole.length)
  const copied = entries.flatMap(({ ahead }) => ahead)
  expect(copied).toHaveLength(3)
  for (const { offset, end: last } of copied) expect(last - offset).toBeLessThan(2 << 20)
})

test('a layer of zstd frames, among which no carrier can stand', async () => {
  const json = Buffer.concat([...encodeToc(toc)])
  const stored = zstdCompressSync(json)
  const [head, offset] = [skippableHead(stored.length), data.length + SKIPPABLE_HEAD_BYTES]
  const footer = encodeZstdFooter({ offset, size: stored.length, content: json.length })
  const bytes = Buffer.concat([data, head, stored, footer])
  await expect(opened({ ...layer, bytes, tocDigest: digestOf(json) })).rejects.toThrow(
    /which only gzip can have/,
  )
})
