/** Blocks of 512 bytes, however the bytes of a tar arrive. */
import { expect, test } from 'vitest'
import { BlockReader } from '../../../image/tar/blocks.ts'

const tar = Buffer.from(Array.from({ length: 1536 }, (_, at) => at % 251))

function blocksOf(pieceBytes: number): Buffer[] {
  const reader = new BlockReader()
  const blocks: Buffer[] = []
  for (let from = 0; from < tar.length; from += pieceBytes) {
    const piece = Buffer.from(tar.subarray(from, from + pieceBytes))
    for (let at = 0; at < piece.length; ) {
      const { bytes, used } = reader.take(piece, at)
      if (bytes) blocks.push(bytes)
      at += used
    }
    piece.fill(0xff) // what was taken is a copy
  }
  expect(reader.isEmpty).toBe(true)
  return blocks
}

test.each([1, 7, 512, 513, 5000])('in pieces of %i bytes', (size) => {
  expect(blocksOf(size)).toEqual([tar.subarray(0, 512), tar.subarray(512, 1024), tar.subarray(1024)])
})

test('a part of a block is kept', () => {
  const reader = new BlockReader()
  expect(reader.take(tar.subarray(0, 100), 0)).toEqual({ bytes: undefined, used: 100 })
  expect(reader.isEmpty).toBe(false)
})
