/** The decoder: members of a blob, and chunks that are checked. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { MAX_TRAILING_BYTES } from '../../../../image/estargz/format/chunk-ends.ts'
import type { Chunk } from '../../../../image/estargz/format/entry.ts'
import {
  chunkFault,
  decodeChunks,
  decodeMembers,
  limitOf,
  partOf,
} from '../../../../image/estargz/read/decode.ts'

const content = Buffer.from('content '.repeat(1000))
const headers = Buffer.alloc(1024, 'h')

function chunkOf(part: Buffer, rest: Partial<Chunk> = {}): Chunk {
  const digest = digestOf(part)
  return { offset: 0, end: 0, innerOffset: 0, fileOffset: 0, size: part.length, digest, ...rest }
}

const first = chunkOf(content.subarray(0, 100))
const second = chunkOf(content.subarray(600, 1000), { innerOffset: 600 })

test('a chunk comes out of its member, without what follows it there or behind', async () => {
  const bytes = Buffer.concat([gzipSync(Buffer.concat([content, headers])), gzipSync(headers)])
  expect(await decodeChunks(bytes, { chunks: [chunkOf(content)] })).toEqual(content)
})

test('chunks that share a member are each checked, and come out at once', async () => {
  const bytes = gzipSync(content)
  const decoded = await decodeChunks(bytes, { chunks: [first, second] })
  expect(decoded).toEqual(content.subarray(0, 1000))
  expect(partOf(decoded, second)).toEqual(content.subarray(600, 1000))
  const wrong = { ...second, digest: digestOf('other') }
  await expect(decodeChunks(bytes, { chunks: [first, wrong] })).rejects.toMatchObject({
    code: 'E_DIGEST',
    message: expect.stringMatching(/^the chunk at 0 has the digest sha256:.*, but its entry says sha256:/),
  })
})

test('a chunk without a digest, or that its member is too short for, is an error', async () => {
  const bytes = gzipSync(content)
  const unknown = decodeChunks(bytes, { chunks: [{ ...first, digest: undefined }] })
  await expect(unknown).rejects.toMatchObject({
    code: 'E_ESTARGZ',
    message: "the chunk at 0 has no digest, so it can't be checked",
  })
  const short = decodeChunks(bytes, { chunks: [{ ...first, innerOffset: content.length - 10 }] })
  await expect(short).rejects.toMatchObject({
    code: 'E_DIGEST',
    message: 'the chunk at 0 has 10 of 100 bytes',
  })
})

test('damage is an error', async () => {
  const bytes = gzipSync(content)
  for (const at of [0, 12, 20, bytes.length - 3]) {
    const changed = Buffer.from(bytes)
    changed.writeUInt8(changed.readUInt8(at) ^ 0x55, at)
    await expect(decodeChunks(changed, { chunks: [first] })).rejects.toMatchObject({ code: 'E_ESTARGZ' })
  }
  await expect(decodeChunks(bytes.subarray(0, 30), { chunks: [first] })).rejects.toMatchObject({
    code: 'E_ESTARGZ',
  })
})

test('a member may hold some more than its chunks, not anything', async () => {
  expect(limitOf([first, second])).toBe(1000 + MAX_TRAILING_BYTES)
  const bomb = gzipSync(Buffer.alloc(MAX_TRAILING_BYTES + 101))
  await expect(decodeChunks(bomb, { chunks: [first] })).rejects.toMatchObject({ code: 'E_ESTARGZ' })
})

const members = [gzipSync(headers), gzipSync(content), gzipSync(headers), gzipSync(content)]
const bytes = Buffer.concat(members)
const starts = members.map((_, index) => members.slice(0, index).reduce((sum, { length }) => sum + length, 0))
const at = (index: number, offset: number) => offset + (starts[index] ?? 0)

test('members of a part of the blob come in order, each with the chunks that begin in it', () => {
  const offset = 7000
  const chunks = [
    chunkOf(content.subarray(0, 100), { offset: at(1, offset) }),
    chunkOf(content.subarray(600, 1000), { offset: at(1, offset), innerOffset: 600 }),
    chunkOf(content, { offset: at(3, offset) }),
  ]
  const decoded = [...decodeMembers({ bytes, offset, chunks, limit: 1 << 20 })]
  expect(decoded.map(({ length }) => length)).toEqual(members.map(({ length }) => length))
  expect(decoded.map((member) => member.content)).toEqual([headers, content, headers, content])
  expect(decoded.map((member) => member.chunks.length)).toEqual([0, 2, 0, 1])
  for (const member of decoded)
    for (const chunk of member.chunks)
      expect(chunkFault(chunk, partOf(member.content, chunk))).toBeUndefined()
})

test('all members together stay below the limit', () => {
  const whole = 2 * (headers.length + content.length)
  expect([...decodeMembers({ bytes, offset: 0, chunks: [], limit: whole })]).toHaveLength(4)
  const more = () => [...decodeMembers({ bytes, offset: 0, chunks: [], limit: whole - 1 })]
  expect(more).toThrow(expect.objectContaining({ code: 'E_ESTARGZ' }))
})

test('a part that ends inside a member gives those before it, then an error', () => {
  const cut = decodeMembers({ bytes: bytes.subarray(0, at(1, 20)), offset: 0, chunks: [], limit: 1 << 20 })
  expect(cut.next().value?.content).toEqual(headers)
  expect(() => cut.next()).toThrow(expect.objectContaining({ code: 'E_ESTARGZ' }))
})

test('no bytes, no members', () => {
  expect([...decodeMembers({ bytes: Buffer.alloc(0), offset: 0, chunks: [], limit: 0 })]).toEqual([])
})

test('a chunk takes no more memory than it has, whatever follows it in its member', async () => {
  const content = Buffer.from('chunk')
  const bytes = gzipSync(Buffer.concat([content, Buffer.alloc(32 << 20)]))
  const chunk = {
    offset: 0,
    end: bytes.length,
    innerOffset: 0,
    fileOffset: 0,
    size: 5,
    digest: digestOf(content),
  }
  const decoded = await decodeChunks(bytes, { chunks: [chunk] })
  expect(decoded.equals(content)).toBe(true)
  expect(decoded.buffer.byteLength).toBeLessThan(1 << 20)
})
