/** A node's attributes in fuse-native's layout. */
import { expect, test } from 'vitest'
import { encodeStat } from '../../../../tracer/mount/native/stat.ts'

const plain = {
  type: 'reg' as const,
  mode: 0o640,
  uid: 1,
  gid: 2,
  size: 5 * 2 ** 32 + 7,
  nlink: 3,
  blocks: 2 ** 33,
  mtimeSeconds: 1_700_000_000,
  mtimeNanoseconds: 123_999_999,
  rdevMajor: 0,
  rdevMinor: 0,
}

const wide = (stat: Uint32Array, at: number) => (stat[at] ?? 0) + (stat[at + 1] ?? 0) * 2 ** 32

test('sizes, blocks and times of more than 32 bits', () => {
  const stat = encodeStat(42, plain)
  expect([...stat.subarray(0, 3)]).toEqual([0o100640, 1, 2])
  expect(wide(stat, 3)).toBe(plain.size)
  expect([stat[6], stat[7]]).toEqual([3, 42])
  expect(wide(stat, 10)).toBe(2 ** 33)
  for (const at of [12, 14, 16]) expect(wide(stat, at)).toBe(1_700_000_000_123)
})

test('a time before 1970, which the library can’t hold, is its first', () => {
  expect(wide(encodeStat(1, { ...plain, mtimeSeconds: -5 }), 12)).toBe(0)
})

test('a device number as the C library takes it', () => {
  const rdev = encodeStat(1, { ...plain, type: 'char', rdevMajor: 0x123, rdevMinor: 0x45678 })[8]
  expect(rdev).toBe(0x4561_2378)
})
