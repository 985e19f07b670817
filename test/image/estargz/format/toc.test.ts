/** The table of contents as JSON: names are bytes. */
import { expect, test } from 'vitest'
import { encodeToc, parseToc, type TocEntry } from '../../../../image/estargz/format/toc.ts'

test('a name of any bytes survives the TOC', () => {
  const entries: TocEntry[] = [{ name: 'a\xff\xe9"\\\n', type: 'reg' }]
  expect(parseToc(Buffer.concat([...encodeToc(entries)]))).toEqual(entries)
})

test('escapes that other writers use become the bytes they stand for', () => {
  const json = String.raw`{"version":1,"entries":[{"name":"\u003ca\u0026\u00e9\ud83d\ude00\\u00e9","type":"reg"}]}`
  expect(Buffer.from(parseToc(Buffer.from(json))[0]?.name ?? '', 'latin1').toString()).toBe('<a&é😀\\u00e9')
})

const SMALL = '{},'
const toc = (entries: string): Buffer => Buffer.from(`{"version":1,"entries":[${entries}]}`)

test.each([
  ['objects', toc(`${SMALL.repeat(4_000_001)}{}`)],
  ['lists', toc(`${'[],'.repeat(4_000_001)}{}`)],
  ['fields', toc(`{"x":[${'1,'.repeat(32_000_001)}1]}`)],
])('too many %s are counted before anything is made of them', (_, json) => {
  expect(() => parseToc(json)).toThrow(/more than 2000000 entries/)
})

test.each([
  ['name', {}],
  ['name', { name: 1 }],
  ['type', { name: 'f' }],
  ['type', { name: 'f', type: 'socket' }],
  ['size', { size: -1 }],
  ['size', { size: 1.5 }],
  ['offset', { offset: '1' }],
  ['mode', { mode: 2 ** 53 }],
  ['uid', { uid: null }],
  ['modtime', { modtime: 1 }],
  ['xattrs.a', { xattrs: { a: 1 } }],
  ['chunkDigest', { chunkDigest: {} }],
])('a field that is wrong is named: %s of %j', (field, fields) => {
  const isWhole = 'name' in fields || field === 'name'
  const wrong = JSON.stringify(isWhole ? fields : { name: 'f', type: 'reg', ...fields })
  const right = '{"name":"f","type":"reg","xattrs":null,"mode":-1,"NumLink":1}'
  expect(() => parseToc(toc(`${right},${wrong}`))).toThrow(
    expect.objectContaining({ message: expect.stringContaining(`is invalid: entries.1.${field}: `) }),
  )
  expect(parseToc(toc(right))).toHaveLength(1)
})

test('a table that could not be read again is not written', () => {
  const one: TocEntry = { name: 'f', type: 'reg' }
  const write = (count: number) => {
    const entries = function* () {
      for (let index = 0; index < count; index++) yield one
    }
    let size = 0
    for (const piece of encodeToc(entries())) size += piece.length
    return size
  }
  expect(write(2_000_000)).toBeGreaterThan(2_000_000)
  expect(() => write(2_000_001)).toThrow(/^the layer has more than 2000000 files and chunks/)
})
