/** JSON from outside: what is wrong with it is said in one line that names the field. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { depthOf, jsonIf, parseJson } from '../../../system/text/json.ts'

const schema = z.object({ name: z.string(), sizes: z.array(z.number()) })
const subject = { code: 'E_CONFIG', what: 'the config of web:1', hint: 'Write it again' } as const

test('what the schema describes is returned', () => {
  expect(parseJson('{"name":"a","sizes":[1]}', schema, subject)).toEqual({ name: 'a', sizes: [1] })
  expect(jsonIf('{"name":"a","sizes":[1]}', schema)).toEqual({ name: 'a', sizes: [1] })
})

test('more values than memory is meant for are counted, not made', () => {
  const dense = (count: number) => `{"name":"a","sizes":[${'0,'.repeat(count - 1)}0]}`
  expect(parseJson(dense(10), schema, { ...subject, maxValues: 20 }).sizes).toHaveLength(10)
  const limited = () => parseJson(dense(30), schema, { ...subject, maxValues: 20 })
  expect(limited).toThrow(/^the config of web:1 has more than 20 values$/)
  expect(() => parseJson('[0,'.repeat(1 << 24), schema, subject)).toThrow(/more than 8388608 values/)
  expect(jsonIf('[0,'.repeat(1 << 24), schema)).toBeUndefined()
})

test.each([
  ['', /^the config of web:1 is not JSON: it is empty$/],
  ['{"name":', /^the config of web:1 is not JSON: it ends too early$/],
  ['{"name": "a"\n', /^the config of web:1 is not JSON: it ends too early$/],
  ['{"name": nope}', /^the config of web:1 is not JSON: unexpected 'o' in .*nope/],
  ['{\n  "name": "a"\n  "sizes": []\n}', /^the config of web:1 is not JSON: line 3, column 3$/],
  ['<!doctype html>', /^the config of web:1 is not JSON: unexpected '<' in .*doctype/],
  ['{"name":"a","sizes":[1,"2"]}', /^the config of web:1 is wrong: sizes\.1: .*expected number/],
  ['[]', /^the config of web:1 is wrong: the whole document: /],
])('%s', (text, message) => {
  expect(() => parseJson(text, schema, subject)).toThrow(
    expect.objectContaining({
      code: 'E_CONFIG',
      hint: 'Write it again',
      message: expect.stringMatching(message),
    }),
  )
  expect(jsonIf(text, schema)).toBeUndefined()
})

test('another file of ours is named as what it is', () => {
  const mistaken = { field: 'samples', is: 'a measurement' }
  const parse = (text: string) => parseJson(text, schema, { ...subject, mistaken })
  expect(() => parse('{"samples":[]}')).toThrow(/^the config of web:1 is a measurement$/)
  expect(() => parse('{"sizes":[]}')).toThrow(/is wrong: name/)
  expect(parse('{"name":"a","sizes":[],"samples":[]}')).toMatchObject({ name: 'a' })
})

test.each([
  ['1', 0],
  ['[{"a":[]},[]]', 3],
  ['["[[[[", "\\"[[[", "\\\\", [1]]', 2],
  ['[[[', 3],
])('%s nests so deep', (text, depth) => {
  expect(depthOf(text)).toBe(depth)
})
