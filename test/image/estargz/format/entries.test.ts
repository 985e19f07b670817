/** From the table of contents to entries with chunks: what can't be is refused. */

import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { contentsOf } from '../../../../image/estargz/format/entries.ts'
import { rangesAhead } from '../../../../image/estargz/format/entry.ts'
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
  ['data outside', [{ name: 'f', type: 'reg', size: 10, offset: 5000 }], /is at 5000/],
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

const digests = ['a', 'b', 'c'].map((text) => digestOf(text))
const [head, middle, tail] = digests
/** Ten bytes behind the landmark, of which the first four and the last two stand ahead. */
const split: readonly TocEntry[] = [
  { name: 'f', type: 'reg', offset: 16, innerOffset: 1, chunkSize: 4, chunkDigest: head },
  { name: 'f', type: 'reg', offset: 16, innerOffset: 5, chunkOffset: 8, chunkSize: 2, chunkDigest: tail },
  anchor(16, 7),
  { name: 'z', type: 'reg', size: 5, offset: 300 },
  { name: 'f', type: 'reg', size: 10, offset: 500, chunkSize: 4, chunkDigest: head },
  { name: 'f', type: 'chunk', offset: 540, chunkOffset: 4, chunkSize: 4, chunkDigest: middle },
  { name: 'f', type: 'chunk', offset: 580, chunkOffset: 8, chunkDigest: tail },
  { name: 'g', type: 'reg', size: 5, offset: 700 },
]

function anchor(offset: number, innerOffset: number): TocEntry {
  const digest = digestOf('\n')
  const name = '.wh..wh.headstart.0'
  return { name, type: 'reg', size: 1, offset, innerOffset, digest, chunkDigest: digest }
}

test('copies ahead come with their file, whose chunks are where they are', () => {
  const { entries } = contentsOf(split, 1000)
  expect(entries.map(({ path }) => path)).toEqual(['z', 'f', 'g'])
  const [zone, entry] = entries
  expect(entry?.chunks.map(({ fileOffset, offset, end }) => [fileOffset, offset, end])).toEqual([
    [0, 500, 540],
    [4, 540, 580],
    [8, 580, 700],
  ])
  expect(
    entry?.ahead.map(({ fileOffset, size, offset, innerOffset, end }) => [
      fileOffset,
      size,
      offset,
      innerOffset,
      end,
    ]),
  ).toEqual([
    [0, 4, 16, 1, 300],
    [8, 2, 16, 5, 300],
  ])
  expect(entry && rangesAhead(entry)).toEqual([
    [0, 4],
    [8, 10],
  ])
  expect(zone?.ahead).toEqual([])
})

const changed = (index: number, more: Partial<TocEntry>): TocEntry[] =>
  split.map((entry, at) => (at === index ? { ...entry, ...more } : entry))

test.each<[string, TocEntry[], RegExp]>([
  [
    'behind the first file',
    split.map((entry) => (entry.offset === 16 ? { ...entry, offset: 400 } : entry)),
    /not at the top of the blob/,
  ],
  [
    'of a file that is not there',
    changed(1, { name: 'x' }),
    /"x": the copy of its byte 8 matches none of its chunks/,
  ],
  ['of no chunk', changed(1, { chunkOffset: 7 }), /the copy of its byte 7 matches none of its chunks/],
  [
    'of another chunk',
    changed(1, { chunkDigest: middle }),
    /the copy of its byte 8 matches none of its chunks/,
  ],
  ['of a path that leaves the layer', changed(1, { name: 'a\0b' }), /table of contents/],
])('copies are refused: %s', (_, entries, message) => {
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
  ['data behind the end', [file({ offset: 1000 })], /its data is at 1000/],
]
test.each(faults)('%s is refused with one line', (_, entries, message) => {
  expect(() => contentsOf(entries, 100)).toThrow(message)
})
