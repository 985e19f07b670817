/** Whether a layer is packed as was asked for, by its table of contents; and at which level, by one chunk of it. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { contentsOf } from '../../../image/estargz/format/entries.ts'
import type { TocEntry } from '../../../image/estargz/format/toc.ts'
import { OCI_LAYER_GZIP } from '../../../image/media-types.ts'
import { compress } from '../../../optimizer/compress/jobs.ts'
import { type GivenFormat, minChunkSizeOf, otherFormat } from '../../../optimizer/rebuild/reuse.ts'

type File = Omit<TocEntry, 'name' | 'type'>
const CHUNK = 1000
const noise = Buffer.from(Array.from({ length: CHUNK }, (_, index) => 97 + ((index * index) % 23)))

const blobOf = (bytes: Buffer) => ({
  descriptor: { mediaType: OCI_LAYER_GZIP, digest: digestOf(bytes), size: bytes.length },
  open: async (range?: { start: number; end: number }) =>
    Readable.from([bytes.subarray(range?.start, range?.end)], { objectMode: false }),
})

const layerOf = (files: readonly File[], end = 9000) => ({
  codec: 'gzip' as const,
  ...contentsOf(
    files.map((file, index) => ({ name: `f${index}`, type: 'reg', ...file })),
    end,
  ),
})

const compressed = (level: number) =>
  compress({
    kind: 'compress',
    bytes: new Uint8Array(noise).buffer,
    codec: 'gzip',
    level,
    members: [[0, CHUNK]],
    hashes: [],
  })

function otherThan(given: GivenFormat, files: readonly File[], bytes: Buffer = Buffer.alloc(0)) {
  const pool = { compress: async ({ level }: { level: number }) => compressed(level) }
  const options = {
    given,
    chunkSizeOf: () => given.chunkSize ?? 0,
    pool,
    signal: new AbortController().signal,
  }
  return otherFormat(blobOf(bytes), layerOf(files, bytes.length || 9000), options)
}

/** Three small files to a member of 300 bytes, then one of its own. */
const packed: readonly File[] = [
  { size: 100, offset: 10 },
  { size: 100, offset: 10, innerOffset: 100 },
  { size: 100, offset: 10, innerOffset: 200 },
  { size: 500, offset: 400 },
]
const apart: readonly File[] = [
  { size: 100, offset: 10 },
  { size: 200, offset: 200 },
]

test('nothing asked for by name: any packing may stay', async () => {
  expect(await otherThan({}, packed)).toBeUndefined()
})

test.each<[number, readonly File[], string | undefined]>([
  [CHUNK, [{ size: 900, offset: 10 }], undefined],
  [CHUNK, [{ size: 1100, offset: 10 }], 'its files are not in chunks of 1000 bytes'],
])('chunks of %i bytes for %j: %s', async (chunkSize, files, expected) => {
  expect(await otherThan({ chunkSize }, files)).toBe(expected)
})

test('a file in chunks has that of the first', async () => {
  const chunks = [
    { name: 'f', type: 'reg', size: 1500, offset: 10, chunkSize: CHUNK },
    { name: 'f', type: 'chunk', offset: 500, chunkOffset: CHUNK, chunkSize: 500 },
  ] satisfies TocEntry[]
  expect(await otherThan({ chunkSize: CHUNK }, chunks)).toBeUndefined()
  expect(await otherThan({ chunkSize: 2 * CHUNK }, chunks)).toMatch(/not in chunks of 2000 bytes/)
})

test.each<[number, readonly File[], string | undefined]>([
  [0, apart, undefined],
  [0, packed, 'its small files are packed together'],
  [250, packed, undefined],
  [300, packed, undefined],
  [200, packed, 'its small files are not packed together up to 200 bytes'],
  [301, packed, 'its small files are not packed together up to 301 bytes'],
  [300, apart, 'its small files are not packed together up to 300 bytes'],
])('packed up to %i bytes: %#', async (minChunkSize, files, expected) => {
  expect(await otherThan({ minChunkSize }, files)).toBe(expected)
})

test('the packing of a layer is told by its members', () => {
  expect([packed, apart, packed.slice(0, 3)].map((files) => minChunkSizeOf(layerOf(files)))).toEqual([
    300, 0, 201,
  ])
})

test('the level is that at which the largest chunk comes out the same', async () => {
  const bytes = Buffer.from(compressed(6).output)
  const files = [{ size: CHUNK, offset: 0 }]
  expect(await otherThan({ level: 6 }, files, bytes)).toBeUndefined()
  expect(await otherThan({ level: 1 }, files, bytes)).toBe('its members are not compressed at level 1')
  expect(await otherThan({ level: 1 }, [])).toBeUndefined()
})
