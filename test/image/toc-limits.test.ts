/** Tables of contents that would take more memory than there is, or that nobody can mount: refused with one line before it is taken. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { contentsOf } from '../../image/estargz/format/entries.ts'
import { encodeFooter } from '../../image/estargz/format/footer.ts'
import { parseToc, TOC_NAME, type TocEntry } from '../../image/estargz/format/toc.ts'
import { openEstargz } from '../../image/estargz/read/reader.ts'
import { END_OF_TAR, plainFileHeader } from '../../image/tar/encode.ts'

const SMALL = '{},'
const toc = (entries: string): Buffer => Buffer.from(`{"version":1,"entries":[${entries}]}`)

test.each([
  ['objects', toc(`${SMALL.repeat(4_000_001)}{}`)],
  ['lists', toc(`${'[],'.repeat(4_000_001)}{}`)],
  ['fields', toc(`{"x":[${'1,'.repeat(32_000_001)}1]}`)],
])('too many %s are counted before anything is made of them', (_, json) => {
  expect(() => parseToc(json)).toThrow(/more than 2000000 entries/)
})

test('a table of contents that unpacks to more than the limit is refused while it is unpacked', async () => {
  const size = 490 << 20
  const zeros = gzipSync(Buffer.alloc(1 << 20), { level: 1 })
  const member = Buffer.concat([
    gzipSync(plainFileHeader(TOC_NAME, size)),
    ...Array.from({ length: 490 }, () => zeros),
    gzipSync(END_OF_TAR),
  ])
  const blob = Buffer.concat([Buffer.alloc(1), member, encodeFooter(1)])
  const fetch = async ({ start, end }: { start: number; end: number }) => blob.subarray(start, end)
  await expect(openEstargz(blob.length, fetch)).rejects.toMatchObject({
    code: 'E_ESTARGZ',
    message: expect.stringMatching(/can't be unpacked/),
  })
})

const file = (more: Partial<TocEntry>): TocEntry => ({ name: 'f', type: 'reg', size: 10, ...more })
const faults: [string, TocEntry[], RegExp][] = [
  [
    'a name of a megabyte',
    [file({ name: 'x'.repeat(1 << 20) })],
    /a path of 1048576 bytes; 4095 is the limit/,
  ],
  ['a path without end', [file({ name: 'a/'.repeat(100_000) })], /a path of 200000 bytes/],
  [
    'a link target without end',
    [{ name: 'l', type: 'hardlink', linkName: 'a/'.repeat(9000) }],
    /a path of 18000/,
  ],
  ['a chunk of 2^53 bytes', [file({ size: 2 ** 53 - 1 })], /chunk 0 has 9007199254740991 bytes/],
  [
    'an innerOffset of 2^52',
    [file({ innerOffset: 2 ** 52 })],
    /begins 4503599627370496 bytes into its member/,
  ],
  ['a chunk larger than its file', [file({ chunkSize: 20 })], /its chunks hold 20 bytes of 10/],
  [
    'chunks that overlap',
    [file({ chunkSize: 6 }), { name: 'f', type: 'chunk', chunkOffset: 5, chunkSize: 5 }],
    /chunk 1 begins at 5, not at 6/,
  ],
  ['chunks that end too early', [file({ chunkSize: 6 })], /its chunks hold 6 bytes of 10/],
  ['data behind the end', [file({ offset: 1000 })], /its data lies at 1000/],
]
test.each(faults)('%s is refused with one line', (_, entries, message) => {
  expect(() => contentsOf(entries, 100)).toThrow(message)
})
