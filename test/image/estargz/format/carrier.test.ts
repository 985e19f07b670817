/** Carriers: what unzips sees nothing, what searches finds the member, and what is no carrier is none. */
import { execFileSync } from 'node:child_process'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import {
  CARRIER_HEAD_BYTES,
  CARRIER_TAIL,
  carriedAt,
  carrierHead,
  MAX_CARRIED_BYTES,
} from '../../../../image/estargz/format/carrier.ts'

const member = gzipSync('hot')
const carrier = Buffer.concat([carrierHead(member.length), member, CARRIER_TAIL])
const after = gzipSync('after')

test('it unpacks to nothing, and the member inside to its content', () => {
  expect(gunzipSync(Buffer.concat([carrier, carrier, after])).toString()).toBe('after')
  expect(execFileSync('gzip', ['-dc'], { input: Buffer.concat([carrier, after]) }).toString()).toBe('after')
  expect(gunzipSync(carrier.subarray(CARRIER_HEAD_BYTES, -CARRIER_TAIL.length)).toString()).toBe('hot')
})

test('it is found where it is', () => {
  const bytes = Buffer.concat([carrier, carrier, after])
  const first = carriedAt(bytes, 0)
  expect(first).toEqual({ start: 16, end: 16 + member.length, next: carrier.length })
  expect(carriedAt(bytes, first?.next ?? 0)).toEqual({
    start: carrier.length + 16,
    end: 2 * carrier.length - CARRIER_TAIL.length,
    next: 2 * carrier.length,
  })
  expect(carriedAt(bytes, 2 * carrier.length)).toBeUndefined()
  expect(carriedAt(carrier.subarray(0, -1), 0)).toBeUndefined()
  expect(carriedAt(Buffer.alloc(0), 0)).toBeUndefined()
})

test.each([0, 3, 10, 12, 14, carrier.length - 1])('a byte changed at %i, and it is none', (at) => {
  const bytes = Buffer.from(carrier)
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  expect(carriedAt(bytes, 0)).toBeUndefined()
})

test('it holds as much as an extra field can', () => {
  const full = Buffer.concat([
    carrierHead(MAX_CARRIED_BYTES),
    Buffer.alloc(MAX_CARRIED_BYTES, 1),
    CARRIER_TAIL,
  ])
  expect(gunzipSync(Buffer.concat([full, after])).toString()).toBe('after')
  expect(() => carrierHead(MAX_CARRIED_BYTES + 1)).toThrow()
})
