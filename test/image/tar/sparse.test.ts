/** Sparse files: their maps in every version, and the content with its holes. */
import { expect, test } from 'vitest'
import {
  checkParts,
  paxParts,
  SparseContent,
  SparseMapReader,
  sparseVersion,
} from '../../../image/tar/sparse.ts'

const records = (entries: Record<string, string>) =>
  new Map(Object.entries(entries).map(([key, value]) => [`GNU.sparse.${key}`, value]))

test.each([
  [{ major: '0', minor: '1' }, '0.x'],
  [{ major: '1', minor: '0' }, '1.0'],
  [{ map: '0,1' }, '0.x'],
  [{ major: '2', minor: '0' }, undefined],
  [{}, undefined],
])('the version of %j', (entries, version) => {
  expect(sparseVersion(records(entries))).toBe(version)
})

test('the map in records has as many parts as it says', () => {
  const parts = (map: string, numblocks: string) => paxParts(records({ map, numblocks }), 'x')
  expect(parts('0,5,10,1', '2')).toEqual([
    { offset: 0, length: 5 },
    { offset: 10, length: 1 },
  ])
  expect(() => parts('0,5,10', '2')).toThrow(/3 numbers for 2 parts/)
  expect(() => parts('0,x', '1')).toThrow(/"x" instead of a number/)
})

const block = (text: string) => Buffer.from(text.padEnd(512, '\0'))

test('the map before the content is read over several blocks', () => {
  const reader = new SparseMapReader('x')
  const long = `2\n0\n${'0'.repeat(507)}5` // a number in two blocks
  expect(reader.push(Buffer.from(long.slice(0, 512)))).toBeUndefined()
  expect(reader.push(block('\n10\n1\n'))).toEqual([
    { offset: 0, length: 5 },
    { offset: 10, length: 1 },
  ])
  expect(() => new SparseMapReader('x').push(block('1048577\n'))).toThrow(/a sparse map of 1048577 parts/)
  expect(() => new SparseMapReader('x').push(block(''))).toThrow(/without line breaks/)
})

test('holes are zeros, before, between and behind what is stored', () => {
  const content = new SparseContent(
    [
      { offset: 2, length: 2 },
      { offset: 6, length: 1 },
    ],
    9,
    'x',
  )
  const pieces = [
    ...content.spread(Buffer.from('a')),
    ...content.spread(Buffer.from('bc')),
    ...content.holes(),
  ]
  expect(Buffer.concat(pieces).toString()).toBe('\0\0ab\0\0c\0\0')
  expect(() => [...content.spread(Buffer.from('d'))]).toThrow(/stores more than its sparse map lists/)
})

test('parts lie in the file, in order, and are what is stored', () => {
  const check = (length: number, offset = 4) =>
    checkParts(
      [
        { offset: 0, length: 4 },
        { offset, length },
      ],
      6,
      10,
      'x',
    )
  check(2)
  expect(() => check(2, 3)).toThrow(/exceeds its size/)
  expect(() => check(2, 9)).toThrow(/exceeds its size/)
  expect(() => check(1)).toThrow(/stores 6 bytes; its sparse map lists 5/)
})
