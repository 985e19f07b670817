/** A FlatBuffer, laid out by hand from its description; and places that lead out of it. */
import { expect, test } from 'vitest'
import { FlatTable, longAt } from '../../../image/soci/flatbuffer.ts'

const [TABLE, VECTOR] = [20, 36]

/** A table of four fields: a byte, an int, none, and a vector of three bytes. */
function sample(): Buffer {
  const bytes = Buffer.alloc(VECTOR + 4 + 3)
  bytes.writeUInt32LE(TABLE, 0)
  for (const [index, value] of [12, 16, 4, 8, 0, 12].entries()) bytes.writeUInt16LE(value, 4 + 2 * index)
  bytes.writeInt32LE(TABLE - 4, TABLE)
  bytes.writeUInt8(7, TABLE + 4)
  bytes.writeInt32LE(-5, TABLE + 8)
  bytes.writeUInt32LE(VECTOR - (TABLE + 12), TABLE + 12)
  bytes.writeUInt32LE(3, VECTOR)
  bytes.set([0x61, 0x62, 0xff], VECTOR + 4)
  return bytes
}

test('fields are read where the table has them', () => {
  const table = FlatTable.root(sample())
  expect([table.byte(0, 9), table.int(1), table.string(3)]).toEqual([7, -5, 'ab\xff'])
})

test('a field that is absent, or newer than the table, has its default', () => {
  const table = FlatTable.root(sample())
  for (const field of [2, 4, 100])
    expect([table.byte(field, 9), table.int(field), table.long(field), table.string(field)]).toEqual([
      9,
      0,
      0,
      '',
    ])
  expect([table.table(2), table.tables(2)]).toEqual([undefined, []])
})

test('a part of a larger buffer is read as if it were alone', () => {
  const large = Buffer.concat([Buffer.alloc(24, 0xff), sample(), Buffer.alloc(24, 0xff)])
  expect(FlatTable.root(large.subarray(24, -24)).string(3)).toBe('ab\xff')
})

test.each<[string, number, number]>([
  ['the table', 0, 1 << 30],
  ['its list of fields', TABLE, -(1 << 30)],
  ['a vector', TABLE + 12, 1 << 30],
  ['the end of a vector', VECTOR, 4],
])('%s outside of the buffer is a RangeError', (_, at, value) => {
  const bytes = sample()
  bytes.writeInt32LE(value, at)
  // Behind the view, so that only its own bounds can refuse it.
  const view = Buffer.concat([bytes, Buffer.alloc(64)]).subarray(0, bytes.length)
  expect(() => FlatTable.root(view).bytes(3)).toThrow(RangeError)
})

test('a size is neither negative nor inexact', () => {
  const view = new DataView(new ArrayBuffer(8))
  const long = (value: bigint) => {
    view.setBigInt64(0, value, true)
    return longAt(view, 0)
  }
  expect(long(2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER)
  for (const value of [-1n, 2n ** 53n]) expect(() => long(value)).toThrow(RangeError)
})
