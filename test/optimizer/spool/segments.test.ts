/** Files that exist only as lists of parts. */
import { expect, test } from 'vitest'
import { Segments } from '../../../optimizer/spool/segments.ts'

test('segments can be read from anywhere', async () => {
  const segments = new Segments()
  segments.add(Buffer.from('abc'))
  segments.add({ file: import.meta.filename, start: 0, end: 3 })
  segments.add({ file: import.meta.filename, start: 3, end: 6 })
  segments.add(Buffer.from('xyz'))
  expect(segments.parts).toHaveLength(3)
  const text = async (range?: { start: number; end: number }) =>
    Buffer.concat(await segments.open(range).toArray()).toString()
  expect(await text()).toBe('abc/** Fixyz')
  expect(await text({ start: 2, end: 5 })).toBe('c/*')
  expect(await text({ start: 9, end: 12 })).toBe('xyz')
})
