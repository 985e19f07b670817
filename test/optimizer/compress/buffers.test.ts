/** Buffers that are used again. */
import { expect, test } from 'vitest'
import { createBuffers } from '../../../optimizer/compress/buffers.ts'

const MIB = 1 << 20

test('a buffer that was given back is taken again by what fits into it', () => {
  const buffers = createBuffers()
  const [small, large] = [buffers.take(1), buffers.take(3 * MIB)]
  expect([small.byteLength, large.byteLength]).toEqual([MIB, 4 * MIB])
  buffers.giveBack(large)
  buffers.giveBack(small)
  expect(buffers.take(MIB + 1)).toBe(large)
  expect(buffers.take(10)).toBe(small)
  expect(buffers.take(10)).not.toBe(small)
})

test('no more than 8 MiB are kept', () => {
  const buffers = createBuffers()
  const taken = Array.from({ length: 3 }, () => buffers.take(4 * MIB))
  for (const one of taken) buffers.giveBack(one)
  const again = Array.from({ length: 3 }, () => buffers.take(4 * MIB))
  expect(again.map((one) => taken.includes(one))).toEqual([true, true, false])
})
