/** JSON documents of an image, bounded before they are parsed. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { digestSchema, list, nullable, parseBounded } from '../../image/document.ts'

const subject = { code: 'E_MANIFEST', what: 'the manifest' } as const
const parse = (text: string | Buffer, limit = 10_000) => parseBounded(Buffer.from(text), limit, subject)

test('size, encoding and depth are checked first', () => {
  expect(parse('{"a":[1]}')).toEqual({ a: [1] })
  expect(() => parse('[1,2,3]', 6)).toThrow(expect.objectContaining({ code: 'E_TOO_LARGE' }))
  expect(() => parse(Buffer.from([0x22, 0xff, 0x22]))).toThrow(/^the manifest is not JSON/)
  expect(parse('['.repeat(500) + ']'.repeat(500))).toHaveLength(1)
  expect(() => parse('['.repeat(501) + ']'.repeat(501))).toThrow(/more than 500 levels/)
})

test('null is nothing, as Go writes it', () => {
  const schema = z.object({ a: nullable(z.string()), b: list(z.string()) })
  expect(schema.parse({ a: null, b: null })).toEqual({ a: undefined, b: [] })
  expect(schema.parse({})).toEqual({ a: undefined, b: [] })
})

test('a digest is refused with what is wrong with it', () => {
  expect(digestSchema.parse(`sha256:${'0'.repeat(64)}`)).toMatch(/^sha256:0/)
  expect(digestSchema.safeParse('sha256:12').success).toBe(false)
  expect(digestSchema.safeParse(`md5:${'0'.repeat(32)}`).success).toBe(false)
})
