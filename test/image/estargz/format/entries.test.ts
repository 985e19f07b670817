/** From the table of contents to entries with chunks: what can't be is refused. */
import { expect, test } from 'vitest'
import { contentsOf } from '../../../../image/estargz/format/entries.ts'
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
