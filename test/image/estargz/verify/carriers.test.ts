/** Carriers that lie: what a lazy runtime would read wrong, or not at all, is told. */
import { randomFillSync } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { CARRIER_TAIL, carriedAt, carrierHead } from '../../../../image/estargz/format/carrier.ts'
import type { TocEntry } from '../../../../image/estargz/format/toc.ts'
import { file, tarOf } from '../../../support/tar.ts'
import { dataOf, forged, tocOf } from '../forged.ts'
import { faultsOf, writeInMemory } from '../in-memory.ts'

const KIB = 1024
const content = randomFillSync(Buffer.alloc(20 * KIB))
const layer = await writeInMemory(await tarOf([file('f', content), file('g', content.subarray(1))]), [], {
  chunkSize: 8 * KIB,
  hot: {
    f: [
      [4 * KIB, 5 * KIB],
      [12 * KIB, 13 * KIB],
    ],
    g: [[0, KIB]],
  },
})
const toc = tocOf(layer.bytes)
const data = dataOf(layer.bytes)
const first = carriedAt(data, 0) ?? { start: 0, end: 0, next: 0 }

/** @param more bytes that the first carrier has grown by: what lies behind it moves */
const moved = (more: number): TocEntry[] =>
  toc.map((entry) =>
    (entry.offset ?? 0) > first.start ? { ...entry, offset: (entry.offset ?? 0) + more } : entry,
  )

/** The layer with something else for its first carrier. */
const withCarrier = (carrier: Buffer) =>
  faultsOf({
    ...forged(Buffer.concat([carrier, data.subarray(first.next)]), moved(carrier.length - first.next)),
    zoneBytes: 0,
  })

const carrierOf = (member: Buffer, head = carrierHead(member.length)) =>
  Buffer.concat([head, member, CARRIER_TAIL])
const member = data.subarray(first.start, first.end)
/** With a file name in its header. */
const named = Buffer.from(member)
named.writeUInt8(8, 3)
const other = gzipSync(Buffer.alloc(KIB))

/** A head whose numbers differ from what follows. */
function head(change: (head: Buffer) => void): Buffer {
  const made = carrierHead(member.length)
  change(made)
  return made
}

test('the layer itself is sound', async () => {
  expect(await withCarrier(carrierOf(member))).toEqual([])
})

test.each<[string, Buffer, RegExp]>([
  ['that holds something else', carrierOf(other), /the chunk at 16 has the digest/],
  [
    'with a byte behind its member',
    carrierOf(Buffer.concat([member, Buffer.alloc(1)])),
    /bytes follow the chunk at 16/,
  ],
  [
    'that ends before its member does',
    carrierOf(member.subarray(0, -4)),
    /the carrier at 16: a gzip member ends/,
  ],
  [
    'whose member is longer than its copy',
    carrierOf(Buffer.concat([named.subarray(0, 10), Buffer.from('a name\0'), named.subarray(10)])),
    /copies of chunks ahead leave/,
  ],
  [
    'with another length of its field',
    carrierOf(
      member,
      head((bytes) => bytes.writeUInt16LE(member.length + 8, 10)),
    ),
    /not in a carrier|incorrect|damaged/,
  ],
  [
    'with another length of its subfield',
    carrierOf(
      member,
      head((bytes) => bytes.writeUInt16LE(member.length - 9, 14)),
    ),
    /not in a carrier/,
  ],
  [
    'with another subfield',
    carrierOf(
      member,
      head((bytes) => bytes.write('XX', 12)),
    ),
    /not in a carrier/,
  ],
  [
    'with a comment',
    carrierOf(
      member,
      head((bytes) => bytes.writeUInt8(4 | 16, 3)),
    ),
    /not in a carrier|damaged/,
  ],
  ['that is none, but a member of the tar', member, /not in a carrier|tar/],
])('a carrier %s', async (_, carrier, fault) => {
  const faults = await withCarrier(carrier).catch((error: unknown) => [String(error)])
  expect(faults.join('\n')).toMatch(fault)
})

test('a carrier that no chunk is in, and one that stands before it', async () => {
  const extra = carrierOf(gzipSync('hidden'))
  const more = toc.map((entry) => ({
    ...entry,
    ...(entry.offset && { offset: entry.offset + extra.length }),
  }))
  expect(await faultsOf({ ...forged(Buffer.concat([extra, data]), more), zoneBytes: 0 })).toEqual([
    expect.stringMatching(/the carrier at 16 holds no chunk of the table of contents/),
  ])
})

test('a bomb in a carrier is not inflated', async () => {
  const bomb = gzipSync(Buffer.alloc(60 << 20), { level: 9 })
  expect(bomb.length).toBeLessThan(65_531)
  // zlib refuses it at the chunk's size.
  expect((await withCarrier(carrierOf(bomb))).join('\n')).toMatch(
    /the carrier at 16: .*larger than 1025 bytes/,
  )
})

test('a chunk of another file', async () => {
  const [ahead, same] = ['f', 'g'].map((name) =>
    toc.find(
      (entry) => entry.type === 'chunk' && entry.name === name && (entry.offset ?? 0) < first.next * 4,
    ),
  )
  const swapped = toc.map((entry) =>
    entry === ahead
      ? { ...entry, offset: same?.offset, chunkDigest: same?.chunkDigest }
      : entry === same
        ? { ...entry, offset: ahead?.offset, chunkDigest: ahead?.chunkDigest }
        : entry,
  )
  const faults = await faultsOf({ ...forged(data, swapped), zoneBytes: 0 })
  expect(faults.join('\n')).toMatch(/^f: has the digest .* in the tar from byte 4096 on/m)
  expect(faults.join('\n')).toMatch(/^g: has the digest .* in the tar from byte 0 on/m)
})

test('one carrier for two chunks', async () => {
  const twice = toc.map((entry) =>
    entry.type === 'chunk' && entry.chunkOffset === 12 * KIB ? { ...entry, offset: first.start } : entry,
  )
  await expect(faultsOf({ ...forged(data, twice), zoneBytes: 0 })).rejects.toThrow(
    /not at the top of the blob/,
  )
})

test('digests that lie, of the range ahead and of its copy', async () => {
  const lying = toc.map((entry) =>
    entry.type === 'chunk' && entry.chunkOffset === 4 * KIB
      ? { ...entry, chunkDigest: digestOf('x') }
      : entry,
  )
  expect((await faultsOf({ ...forged(data, lying), zoneBytes: 0 })).join('\n')).toMatch(
    /the chunk at 16 has the digest/,
  )
})
