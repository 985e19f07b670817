/** One frame at a time, within bounds. */
import { zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { skippableHead } from '../../../../image/estargz/format/zstd-footer.ts'
import { decodeMember, decodeMemberInBackground } from '../../../../image/estargz/read/member.ts'

const text = Buffer.from('some text, more than once: some text, some text')
const frame = zstdCompressSync(text)
const size = { expected: text.length, limit: 1000 }

test('the first frame is decoded, and where it ends is known', async () => {
  const two = Buffer.concat([frame, zstdCompressSync(Buffer.from('another'))])
  const expected = { content: text, length: frame.length }
  expect(decodeMember(two, size)).toEqual(expected)
  expect(await decodeMemberInBackground(two, size)).toEqual(expected)
})

test('a skippable frame holds nothing', () => {
  const bytes = Buffer.concat([skippableHead(5), Buffer.from('12345'), frame])
  expect(decodeMember(bytes, size)).toEqual({ content: Buffer.alloc(0), length: 13 })
})

test.each([
  ['cut off', frame.subarray(0, -1)],
  ['cut off in its head', frame.subarray(0, 5)],
  ['too large', zstdCompressSync(Buffer.alloc(1 << 20))],
  ['damaged', Buffer.concat([frame.subarray(0, 9), Buffer.alloc(frame.length - 9, 0xff)])],
])('a frame that is %s is a fault of the layer', async (_, bytes) => {
  expect(() => decodeMember(bytes, size)).toThrow(expect.objectContaining({ code: 'E_ESTARGZ' }))
  await expect(decodeMemberInBackground(bytes, size)).rejects.toMatchObject({ code: 'E_ESTARGZ' })
})
