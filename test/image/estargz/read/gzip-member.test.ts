/** Single gzip members: with every header, with anything behind them, damaged in every part. */
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inflateMember, inflateMemberInBackground } from '../../../../image/estargz/read/gzip-member.ts'
import { HeadstartError } from '../../../../system/errors.ts'
import { damage, damaged } from '../../../support/damage.ts'
import { cases, PATIENCE_MS } from '../../../support/property.ts'

const content = Buffer.from('content '.repeat(1000))
const member = gzipSync(content)
const size = { expected: content.length, limit: content.length }

/** Both ways to inflate, which must agree. */
async function inflate(bytes: Buffer, { expected, limit } = size) {
  const attempt = async (work: () => unknown) => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof HeadstartError) return { code: error.code, message: error.message }
      throw error
    }
  }
  const result = await attempt(() => inflateMember(bytes, { expected, limit }))
  expect(await attempt(() => inflateMemberInBackground(bytes, { expected, limit }))).toEqual(result)
  return result
}

const brokenBy = (message: RegExp) => ({ code: 'E_ESTARGZ', message: expect.stringMatching(message) })

test('content and length, whatever follows', async () => {
  for (const rest of [Buffer.alloc(0), Buffer.alloc(9), gzipSync('next'), Buffer.from('not gzip')])
    expect(await inflate(Buffer.concat([member, rest]))).toEqual({ content, length: member.length })
})

test('a hint that is wrong only costs time', async () => {
  for (const expected of [0, 1, 1 << 20])
    expect(await inflate(member, { ...size, expected })).toEqual({ content, length: member.length })
})

test('an empty member', async () => {
  const empty = gzipSync(Buffer.alloc(0))
  expect(await inflate(empty, { expected: 0, limit: 0 })).toEqual({
    content: Buffer.alloc(0),
    length: empty.length,
  })
})

test('every optional field of a header is skipped', async () => {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(content))
  trailer.writeUInt32LE(content.length, 4)
  const head = Buffer.from([0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3])
  const fields = Buffer.from('\x03\0abcname\0comment\0\x12\x34', 'latin1') // extra, name, comment, header's CRC
  const bytes = Buffer.concat([head, fields, deflateRawSync(content), trailer])
  expect(await inflate(bytes)).toEqual({ content, length: bytes.length })
})

test('what is not gzip, or ends too early, is an error', async () => {
  const none = brokenBy(/no gzip member begins/)
  for (const bytes of [Buffer.alloc(0), Buffer.from('plain text, long enough'), Buffer.alloc(100)])
    expect(await inflate(bytes)).toEqual(none)
  expect(await inflate(member.subarray(0, 17))).toEqual(none)
  expect(await inflate(member.subarray(0, member.length - 20))).toEqual(brokenBy(/is damaged/))
  for (const missing of [1, 4, 8])
    expect(await inflate(member.subarray(0, member.length - missing))).toEqual(
      brokenBy(/ends before its checksum/),
    )
})

test('a header without an end is an error', async () => {
  const endless = Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, ...Buffer.alloc(50, 'n')])
  expect(await inflate(endless)).toEqual(brokenBy(/is damaged/))
  const extra = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 255, 255, ...Buffer.alloc(50)])
  expect(await inflate(extra)).toEqual(brokenBy(/is damaged/))
})

test('checksum and size are checked', async () => {
  for (const fromEnd of [8, 5, 4, 1]) {
    const changed = Buffer.from(member)
    changed.writeUInt8(changed.readUInt8(member.length - fromEnd) ^ 1, member.length - fromEnd)
    expect(await inflate(changed)).toEqual(brokenBy(/wrong checksum or size/))
  }
})

test('more than the limit is an error before it is memory', async () => {
  expect(await inflate(member, { ...size, limit: content.length - 1 })).toEqual(brokenBy(/is damaged/))
  const bomb = gzipSync(Buffer.alloc(64 << 20), { level: 9 })
  const before = process.memoryUsage().arrayBuffers
  expect(await inflate(bomb, { expected: 10, limit: 1 << 20 })).toEqual(brokenBy(/is damaged/))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20)
})

test(
  'damage is an error of ours, or makes no difference',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
        const result = await inflate(damages.reduce(damaged, member))
        if (typeof result === 'object' && result !== null && 'content' in result)
          expect(result.content).toEqual(content)
      }),
      cases(300),
    )
  },
  PATIENCE_MS,
)
