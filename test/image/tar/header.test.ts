/** Header blocks, read back from what is written, and numbers in all their notations. */
import { expect, test } from 'vitest'
import { encodeHeaderBlock, fitsOctal, parseHeaderBlock, parseNumber } from '../../../image/tar/header.ts'

const fields = {
  name: 'usr/bin/x',
  mode: 0o4755,
  uid: 1000,
  gid: 0o7777777,
  size: 8 ** 11 - 1,
  mtime: 1_700_000_000,
  flag: '2',
  linkName: 'y',
  uname: 'root',
  gname: 'wheel',
  devMajor: 8,
  devMinor: 1,
}

test('what is written is read back', () => {
  expect(parseHeaderBlock(encodeHeaderBlock(fields), 'x')).toEqual({ ...fields, isGnu: false })
})

test('a flipped bit is found by the checksum', () => {
  const block = encodeHeaderBlock(fields)
  block[3] = (block[3] ?? 0) ^ 1
  expect(() => parseHeaderBlock(block, 'the first header')).toThrow(/the first header has the checksum/)
})

const number = (bytes: readonly number[] | string) => {
  const block = Buffer.from(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Uint8Array.from(bytes))
  return parseNumber(block, 0, block.length, 'size', 'x')
}

test.each([
  ['0000644\0', 0o644],
  [' 644 \0\0\0', 0o644],
  ['\0\0\0', 0],
  [[0x80, 0, 0, 1, 0, 0, 0, 0], 2 ** 32],
  [[0xff, 0xff, 0xff, 0xff], -1],
])('%j is %i', (bytes, value) => {
  expect(number(bytes)).toBe(value)
})

test('what is not a number, or too large for one, is named', () => {
  expect(() => number('0009')).toThrow(/x has the size "0009", which is not octal/)
  expect(() => number([0x80, 0x7f, 0, 0, 0, 0, 0, 0, 0])).toThrow(/too large/)
})

test('the largest value of a field', () => {
  expect([fitsOctal(8 ** 7 - 1, 7), fitsOctal(8 ** 7, 7), fitsOctal(-1, 7), fitsOctal(0.5, 7)]).toEqual([
    true,
    false,
    false,
    false,
  ])
})
