/** The checksum that tar-split has. */
import { expect, test } from 'vitest'
import { Crc64, crc64 } from '../../../image/tar/crc64.ts'

test('it is the one of ISO 3309, as Go computes it', () => {
  // hash/crc64, crc64_test.go
  expect(crc64(Buffer.from('')).toString('hex')).toBe('0000000000000000')
  expect(crc64(Buffer.from('a')).toString('hex')).toBe('3420000000000000')
  expect(crc64(Buffer.from('abcdefghij')).toString('hex')).toBe('7f5b6e21b002d367')
})

test('pieces give what the whole gives', () => {
  const bytes = Buffer.from('The days of the digital watch are numbered.')
  const pieces = new Crc64().update(bytes.subarray(0, 7)).update(bytes.subarray(7)).digest()
  expect(pieces).toEqual(crc64(bytes))
})
