/** The entries that stand for chains ahead: read as they are written, and refused where they lie. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import {
  type Chain,
  chainsIn,
  contentBytesOf,
  entriesOfChains,
} from '../../../../image/estargz/format/ahead.ts'
import type { TocEntry } from '../../../../image/estargz/format/toc.ts'

const copy = (name: string, fileOffset: number, size: number, innerOffset: number) => ({
  name,
  fileOffset,
  size,
  digest: digestOf(`${name}${fileOffset}`),
  innerOffset,
})
const chains: readonly Chain[] = [
  { offset: 16, copies: [copy('f', 0, 4, 1), copy('g', 8, 2, 5)] },
  { offset: 500, copies: [copy('f', 8, 2, 1)] },
]
const written = [...entriesOfChains(chains)]
const rest: readonly TocEntry[] = [
  { name: 'empty', type: 'reg' },
  { name: 'f', type: 'reg', size: 10, offset: 900 },
]

test('they are read as they are written, and those behind them left', () => {
  expect(chainsIn([...written, ...rest])).toEqual({ chains, entries: 5 })
  expect(chainsIn(rest)).toEqual({ chains: [], entries: 0 })
  expect(chainsIn([])).toEqual({ chains: [], entries: 0 })
})

test('a chain’s content is its copies between two bytes of its anchor', () => {
  expect(chains.map(contentBytesOf)).toEqual([8, 4])
})

test('old readers find the anchor’s content where the chain begins, and its entry after all others of its offset', () => {
  expect(written.map(({ size, offset, innerOffset }) => [size, offset, innerOffset])).toEqual([
    [undefined, 16, 1],
    [undefined, 16, 5],
    [1, 16, 7],
    [undefined, 500, 1],
    [1, 500, 3],
  ])
})

const changed = (index: number, more: Partial<TocEntry>): TocEntry[] =>
  written.map((entry, at) => (at === index ? { ...entry, ...more } : entry))

test.each<[string, TocEntry[], RegExp]>([
  ['no anchor at the end', written.slice(0, 4), /a chain at 500 has no anchor/],
  ['no anchor between two', written.filter((_, at) => at !== 2), /a chain at 16 has no anchor/],
  ['a gap', changed(1, { innerOffset: 6 }), /6 in the chain at 16 is not where the copy before it ends/],
  ['two at one place', changed(1, { innerOffset: 1 }), /1 in the chain at 16 is not/],
  ['chains out of order', [...entriesOfChains(chains.toReversed())], /the chain at 16 is out of order/],
  ['an anchor of two bytes', changed(2, { size: 2 }), /the chain at 16 has an invalid anchor/],
  ['an anchor of other content', changed(2, { chunkDigest: digestOf('x') }), /invalid anchor/],
  ...[
    '.wh..wh.headstart.0/../etc',
    '.wh..wh.headstart.1',
    '.wh..wh.headstart.00',
    '.wh..wh.headstart.1e99',
  ].map((name): [string, TocEntry[], RegExp] => [
    name,
    changed(2, { name }),
    /the chain at 16 has an invalid anchor/,
  ]),
  [
    'the same anchor twice',
    changed(4, { name: '.wh..wh.headstart.0' }),
    /the chain at 500 has an invalid anchor/,
  ],
  ['an anchor that is a folder', changed(2, { type: 'dir' }), /invalid anchor/],
  ['an anchor with another name in it', changed(2, { linkName: 'f' }), /invalid anchor/],
  ['an anchor with a chunk elsewhere', changed(2, { chunkOffset: 1 }), /invalid anchor/],
  ['a copy that names a user', changed(0, { uid: 0, userName: 'x' }), /says more than a copy does/],
  ['no digest', changed(0, { chunkDigest: undefined }), /is not a sha256 digest/],
  ['more than fits into memory', changed(0, { chunkSize: 65 << 20 }), /holds over 67108864 bytes/],
])('refused: %s', (_, entries, message) => {
  expect(() => chainsIn(entries)).toThrow(message)
})

test('a file of the tar may have an anchor’s name where there are no chains', () => {
  const file: TocEntry = { name: '.wh..wh.headstart.0', type: 'reg', size: 1, offset: 0 }
  expect(chainsIn([file, ...rest])).toEqual({ chains: [], entries: 0 })
})
