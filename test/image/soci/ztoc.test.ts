/** zTOCs read: whole, of both kinds, of the first version, and damaged. */
import { describe, expect, test } from 'vitest'
import { parseZtoc, spanAt } from '../../../image/soci/ztoc.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { writeZtoc } from './write-ztoc.ts'

const files = [
  { path: './usr//bin/app', offset: 512, size: 3000 },
  { path: 'empty', offset: 4608, size: 0 },
]
const checkpoints = [
  { offset: 0, first: 10 },
  { offset: 1000, first: 400, hasBits: true },
  { offset: 2500, first: 900 },
]
const gzip = { files, compressedSize: 2000, checkpoints, maxSpan: 2 }

test('files, and spans with the byte that two of them share', () => {
  const ztoc = parseZtoc(writeZtoc(gzip), 'z')
  expect(ztoc.compressedSize).toBe(2000)
  expect(ztoc.files).toEqual([
    { path: 'usr/bin/app', offset: 512, size: 3000 },
    { path: 'empty', offset: 4608, size: 0 },
  ])
  expect(ztoc.spans).toEqual([
    { offset: 0, compressedOffset: 10, compressedEnd: 400 },
    { offset: 1000, compressedOffset: 399, compressedEnd: 900 },
    { offset: 2500, compressedOffset: 900, compressedEnd: 2000 },
  ])
  expect([0, 999, 1000, 2499, 2500, 9999].map((offset) => spanAt(ztoc, offset))).toEqual([0, 0, 1, 1, 2, 2])
})

test('the first version leaves out the first checkpoint', () => {
  const first = parseZtoc(writeZtoc({ ...gzip, isFirstVersion: true }), 'z')
  expect(first.spans).toEqual(parseZtoc(writeZtoc(gzip), 'z').spans)
})

test('a layer that isn’t compressed', () => {
  const { spans } = parseZtoc(writeZtoc({ files, compressedSize: 2500, spanSize: 1000, maxSpan: 2 }), 'z')
  expect(spans.map(({ compressedEnd }) => compressedEnd)).toEqual([1000, 2000, 2500])
})

describe('what is none is refused in a line', () => {
  const refused = (bytes: Uint8Array) => {
    try {
      parseZtoc(bytes, 'z')
    } catch (error) {
      if (error instanceof HeadstartError && error.code === 'E_ZTOC') return error.message
      throw error
    }
    return undefined
  }

  test('other bytes', () => {
    for (const other of ['', 'x', '{"version":1}', '\0'.repeat(100), '\xff'.repeat(100)])
      expect(refused(Buffer.from(other, 'latin1'))).toMatch(/^z is not a zTOC: /)
  })

  test('numbers that disagree, and a compression that is unknown', () => {
    expect(refused(writeZtoc({ ...gzip, maxSpan: 7 }))).toMatch(/claims 8 spans, but has 3/)
    expect(refused(writeZtoc({ ...gzip, algorithm: 9 }))).toMatch(/its compression, 9, is unknown/)
    expect(refused(writeZtoc({ ...gzip, checkpoints: checkpoints.toReversed() }))).toMatch(/damaged/)
    const many = { files, compressedSize: 2 ** 40, spanSize: 1, maxSpan: 0 }
    expect(refused(writeZtoc(many))).toMatch(/damaged/)
  })

  test('cut at any place, or with any of its numbers overwritten', () => {
    const whole = writeZtoc({ ...gzip, checkpoints: checkpoints.slice(0, 1), maxSpan: 0 })
    const structure = 600
    for (let at = 0; at < structure; at += 3) refused(whole.subarray(0, at))
    for (const value of [0, 0xff, 0x80])
      for (let at = 0; at < structure; at++) {
        const damaged = Buffer.from(whole)
        damaged[at] = value
        refused(damaged)
      }
    expect(refused(whole.subarray(0, 40))).toMatch(/^z is not a zTOC: it is damaged, or something else$/)
  })
})
