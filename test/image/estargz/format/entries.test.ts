/** From the table of contents to entries with chunks: what can't be is refused. */

import { expect, test } from 'vitest'
import { carriedChunks, chunksInPlace, contentsOf } from '../../../../image/estargz/format/entries.ts'
import type { TocEntry } from '../../../../image/estargz/format/toc.ts'

const lies: [string, TocEntry[], RegExp][] = [
  [
    'a gap',
    [
      { name: 'f', type: 'reg', size: 10, offset: 1, chunkSize: 4 },
      { name: 'f', type: 'chunk', offset: 2, chunkOffset: 5 },
    ],
    /begins at 5, not at 4/,
  ],
  ['too few bytes', [{ name: 'f', type: 'reg', size: 10, offset: 1, chunkSize: 4 }], /hold 4 bytes of 10/],
  ['data outside', [{ name: 'f', type: 'reg', size: 10, offset: 5000 }], /lies at 5000/],
  [
    'disorder',
    [
      { name: 'f', type: 'reg', size: 1, offset: 50 },
      { name: 'g', type: 'reg', size: 1, offset: 40 },
    ],
    /after the data of the next entry/,
  ],
  ['a huge chunk', [{ name: 'f', type: 'reg', size: 2 ** 40, offset: 1 }], /1099511627776 bytes/],
  ['a path longer than any', [{ name: 'd/'.repeat(2049), type: 'dir' }], /has 4097 bytes; 4095 is the limit/],
  ['a chunk alone', [{ name: 'f', type: 'chunk' }], /without a file/],
  ['an invalid digest', [{ name: 'f', type: 'reg', digest: 'md5:1' }], /not a sha256 digest/],
]
test.each(lies)('a TOC that lies is refused: %s', (_, entries, message) => {
  expect(() => contentsOf(entries, 1000)).toThrow(message)
})

test('a path of the TOC that climbs is cleaned, as the library does', () => {
  const { entries } = contentsOf([{ name: '../../a/../f', type: 'dir' }], 1000)
  expect(entries.map(({ path }) => path)).toEqual(['f'])
})

test('small files that share a member end where the next member begins', () => {
  const entries: TocEntry[] = [
    { name: 'a', type: 'reg', size: 3, offset: 10 },
    { name: 'b', type: 'reg', size: 3, offset: 10, innerOffset: 1024 },
    { name: 'c', type: 'reg', size: 3, offset: 90 },
  ]
  const ends = contentsOf(entries, 200).entries.map(({ chunks }) => chunks[0]?.end)
  expect(ends).toEqual([90, 90, 200])
})

/** Ten bytes behind the landmark, of which the first four and the last two stand ahead. */
const split: readonly TocEntry[] = [
  { name: 'z', type: 'reg', size: 5, offset: 300 },
  { name: 'f', type: 'reg', size: 10, offset: 500, chunkOffset: -1, chunkSize: 1 },
  { name: 'f', type: 'chunk', offset: 16, chunkSize: 4 },
  { name: 'f', type: 'chunk', offset: 540, chunkOffset: 4, chunkSize: 4 },
  { name: 'f', type: 'chunk', offset: 116, chunkOffset: 8, chunkSize: 2 },
  { name: 'g', type: 'reg', size: 5, offset: 700 },
]

test('chunks ahead of their file end with their carrier, and leave the others where they are', () => {
  const [zone, entry, next] = contentsOf(split, 1000).entries
  expect(entry?.chunks.map(({ fileOffset, offset, end }) => [fileOffset, offset, end])).toEqual([
    [0, 16, 90],
    [4, 540, 700],
    [8, 116, 300],
  ])
  expect(entry && carriedChunks(entry).map(({ fileOffset }) => fileOffset)).toEqual([0, 8])
  expect(entry && chunksInPlace(entry).map(({ fileOffset }) => fileOffset)).toEqual([4])
  expect([zone, entry, next].map((each) => each?.offset)).toEqual([300, 500, 700])
  expect(zone?.chunks[0]?.end).toBe(500)
})

const changed = (index: number, more: Partial<TocEntry>): TocEntry[] =>
  split.map((entry, at) => (at === index ? { ...entry, ...more } : entry))

test.each<[string, TocEntry[], RegExp]>([
  ['behind the first file', changed(2, { offset: 400 }), /not at the top of the blob/],
  ['twice at one place', changed(4, { offset: 16 }), /not at the top of the blob/],
  ['with a gap', changed(4, { chunkOffset: 7 }), /begins at 7, not at 8/],
  ['behind a placeholder of two bytes', changed(1, { chunkSize: 2 }), /begins at -1, not at 0/],
  ['behind a placeholder, and none of them', split.slice(0, 2), /has content, but no chunk/],
])('chunks ahead are refused: %s', (_, entries, message) => {
  expect(() => contentsOf(entries, 1000)).toThrow(message)
})

const file = (more: Partial<TocEntry>): TocEntry => ({ name: 'f', type: 'reg', size: 10, ...more })
const faults: [string, TocEntry[], RegExp][] = [
  ['a name of a megabyte', [file({ name: 'x'.repeat(1 << 20) })], /has 1048576 bytes; 4095 is the limit/],
  ['a path without end', [file({ name: 'a/'.repeat(100_000) })], /has 199999 bytes; 4095 is the limit/],
  [
    'a link target without end',
    [{ name: 'l', type: 'hardlink', linkName: 'a/'.repeat(9000) }],
    /has 17999 bytes; 4095 is the limit/,
  ],
  ['a chunk of 2^53 bytes', [file({ size: 2 ** 53 - 1 })], /chunk 0 has 9007199254740991 bytes/],
  [
    'an innerOffset of 2^52',
    [file({ innerOffset: 2 ** 52 })],
    /begins 4503599627370496 bytes into its member/,
  ],
  ['a chunk larger than its file', [file({ chunkSize: 20 })], /its chunks hold 20 bytes of 10/],
  [
    'chunks that overlap',
    [file({ chunkSize: 6 }), { name: 'f', type: 'chunk', chunkOffset: 5, chunkSize: 5 }],
    /chunk 1 begins at 5, not at 6/,
  ],
  ['chunks that end too early', [file({ chunkSize: 6 })], /its chunks hold 6 bytes of 10/],
  ['data behind the end', [file({ offset: 1000 })], /its data lies at 1000/],
]
test.each(faults)('%s is refused with one line', (_, entries, message) => {
  expect(() => contentsOf(entries, 100)).toThrow(message)
})
