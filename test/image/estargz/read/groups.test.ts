/** A blob cut into groups of members. */
import { expect, test } from 'vitest'
import type { Chunk } from '../../../../image/estargz/format/entry.ts'
import { allGroups, cutAt, groupsOf } from '../../../../image/estargz/read/groups.ts'
import { streamOf } from '../stream.ts'

const chunk = (offset: number, end: number, innerOffset = 0): Chunk => ({
  offset,
  end,
  innerOffset,
  fileOffset: 0,
  size: 1,
  digest: undefined,
})
const chunks = [chunk(100, 200), chunk(200, 300), chunk(200, 300, 512), chunk(300, 450)]

test('chunks of one offset are one group', () => {
  expect(groupsOf(chunks).map(({ offset, end, chunks: own }) => [offset, end, own.length])).toEqual([
    [100, 200, 1],
    [200, 300, 2],
    [300, 450, 1],
  ])
  expect(groupsOf([])).toEqual([])
})

test('all groups cover the data from its first byte to the table of contents', () => {
  expect(allGroups(chunks, 450)[0]).toEqual({ offset: 0, end: 100, chunks: [] })
  expect(allGroups([chunk(0, 450)], 450)).toHaveLength(1)
  expect(allGroups([], 70)).toEqual([{ offset: 0, end: 70, chunks: [] }])
  expect(allGroups([], 0)).toEqual([])
})

const bytes = Buffer.from('abcdefghij')
const cut = async (ends: number[], pieceBytes?: number) => {
  const pieces: string[] = []
  for await (const piece of cutAt(streamOf(bytes, pieceBytes), ends)) pieces.push(piece.toString())
  return pieces
}

test('a stream is cut at the ends, however its pieces come; what is left comes last', async () => {
  for (const pieceBytes of [1, 3, 4, 100])
    expect(await cut([3, 4, 8], pieceBytes)).toEqual(['abc', 'd', 'efgh', 'ij'])
  expect(await cut([10])).toEqual(['abcdefghij'])
  expect(await cut([])).toEqual(['abcdefghij'])
})

test('a stream that ends too early is an error', async () => {
  await expect(cut([4, 11])).rejects.toMatchObject({ code: 'E_ESTARGZ', message: 'the blob ends before 11' })
})
