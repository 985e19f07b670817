/** Carriers and their chains: what unzips sees nothing, what begins inside reads all members, and what is no carrier is none. */
import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import {
  CARRIER_HEAD_BYTES,
  CARRIER_TAIL_BYTES,
  carriedAt,
  chainAt,
  chainOf,
  MAX_CARRIED_BYTES,
} from '../../../../image/estargz/format/carrier.ts'

const chain = (...contents: readonly Buffer[]): Buffer => {
  const members = contents.map((content) => gzipSync(content))
  const parts = [...chainOf(members.map((member) => ({ size: member.length, member })))]
  return Buffer.concat(parts.map((part) => ('member' in part ? part.member : part)))
}
const inside = (bytes: Buffer): Buffer => bytes.subarray(CARRIER_HEAD_BYTES, -CARRIER_TAIL_BYTES)

const carrier = chain(Buffer.from('hot'))
const after = gzipSync('after')
/** Of several carriers: nothing of it compresses. */
const dense = Array.from({ length: 7 }, () => randomFillSync(Buffer.alloc(30_000)))
const long = chain(...dense)

test('it unpacks to nothing, and the members inside to their content', () => {
  for (const bytes of [carrier, long]) {
    expect(gunzipSync(Buffer.concat([bytes, bytes, after])).toString()).toBe('after')
    expect(execFileSync('gzip', ['-dc'], { input: Buffer.concat([bytes, after]) }).toString()).toBe('after')
  }
  expect(gunzipSync(inside(carrier)).toString()).toBe('hot')
  expect(gunzipSync(inside(long)).equals(Buffer.concat(dense))).toBe(true)
})

test('it is found where it is', () => {
  const bytes = Buffer.concat([carrier, carrier, after])
  const first = carriedAt(bytes, 0)
  expect(first).toEqual({ start: 16, end: carrier.length - CARRIER_TAIL_BYTES, next: carrier.length })
  expect(carriedAt(bytes, first?.next ?? 0)?.next).toBe(2 * carrier.length)
  expect(carriedAt(bytes, 2 * carrier.length)).toBeUndefined()
  expect(carriedAt(carrier.subarray(0, -1), 0)).toBeUndefined()
  expect(carriedAt(Buffer.alloc(0), 0)).toBeUndefined()
})

test('a chain ends with its last carrier, whatever follows', () => {
  expect(chainAt(Buffer.concat([long, carrier, after]), 0)?.end).toBe(long.length)
  expect(chainAt(Buffer.concat([carrier, long]), 0)?.end).toBe(carrier.length)
  expect(chainAt(long.subarray(0, -1), 0)).toBeUndefined()
  expect(chainAt(after, 0)).toBeUndefined()
})

test.each([0, 3, 10, 12, 14, carrier.length - 1])('a byte changed at %i, and it is none', (at) => {
  const bytes = Buffer.from(carrier)
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  expect(carriedAt(bytes, 0)).toBeUndefined()
})

test('a carrier holds as much as an extra field can', () => {
  const full = [...chainOf([{ size: MAX_CARRIED_BYTES }, { size: MAX_CARRIED_BYTES }, { size: 1 }])]
  const heads = full.flatMap((part) =>
    part instanceof Buffer && part.length === CARRIER_HEAD_BYTES ? part.readUInt16LE(10) : [],
  )
  expect(Math.max(...heads)).toBe(0xffff)
  expect(() => [...chainOf([{ size: MAX_CARRIED_BYTES + 1 }])]).toThrow()
})
