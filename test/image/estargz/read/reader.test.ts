/** A layer that the format's own library wrote, read. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { encodeFooter, FOOTER_BYTES, parseFooter } from '../../../../image/estargz/format/footer.ts'
import { TOC_NAME } from '../../../../image/estargz/format/toc.ts'
import { decodeChunks } from '../../../../image/estargz/read/decode.ts'
import { groupsOf } from '../../../../image/estargz/read/groups.ts'
import { openEstargz } from '../../../../image/estargz/read/reader.ts'
import { END_OF_TAR, plainFileHeader } from '../../../../image/tar/encode.ts'
import { buildOracle } from '../../../peers/oracle/oracle.ts'
import { device, dir, file, hardlink, symlink, tarOf } from '../../../support/tar.ts'

const big = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * index) & 0xff))
let folder = ''
let blob = Buffer.alloc(0)
let tocDigest = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hs-estargz-'))
  const tar = await tarOf([
    dir('d/', { uid: 7, uname: 'seven', mtime: new Date(1_600_000_000_000) }),
    file('d/big', big, { mode: 0o4755 }),
    file('d/empty'),
    file('d/small', 'small', { uid: 7, pax: { 'SCHILY.xattr.user.k': 'v' } }),
    hardlink('d/hard', 'd/small'),
    symlink('d/sym', 'small'),
    device('d/null', 1, 3),
    file('d/na\u00efve', 'utf8'),
  ])
  writeFileSync(join(folder, 'in.tar'), tar)
  const args = ['build', join(folder, 'in.tar'), join(folder, 'blob'), '30000', 'd/small']
  tocDigest = execFileSync(await buildOracle(), args)
    .toString()
    .trim()
  blob = readFileSync(join(folder, 'blob'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const from =
  (bytes: Buffer) =>
  async ({ start, end }: { start: number; end: number }) =>
    bytes.subarray(start, end)

test("reads the library's layer: entries, chunks, zone", async () => {
  const layer = await openEstargz(blob.length, from(blob), { tocDigest })
  expect(layer.entries.map(({ path, type, size }) => [path, type, size])).toEqual([
    ['d', 'dir', 0],
    ['d/small', 'reg', 5],
    ['d/big', 'reg', 100_000],
    ['d/empty', 'reg', 0],
    ['d/hard', 'hardlink', 0],
    ['d/sym', 'symlink', 0],
    ['d/null', 'char', 0],
    [Buffer.from('d/na\u00efve').toString('latin1'), 'reg', 4],
  ])
  const [folderEntry, small, bigEntry] = layer.entries
  expect(folderEntry).toMatchObject({ uid: 7, uname: 'seven', mtime: 1_600_000_000 })
  expect(small?.xattrs.get('user.k')?.toString()).toBe('v')
  expect(small?.uname).toBe('seven') // said once a uid
  expect(layer.landmark).toBe('prefetch')
  expect(layer.zoneEnd).toBeGreaterThan(small?.chunks[0]?.offset ?? Number.NaN)
  expect(layer.zoneEnd).toBeLessThan(bigEntry?.chunks[0]?.offset ?? Number.NaN)
  expect(bigEntry?.mode).toBe(0o4755)
  expect(bigEntry?.chunks.map(({ size }) => size)).toEqual([30_000, 30_000, 30_000, 10_000])
  const groups = groupsOf(bigEntry?.chunks ?? [])
  const content = await Promise.all(
    groups.map((group) => decodeChunks(blob.subarray(group.offset, group.end), group)),
  )
  expect(Buffer.concat(content).equals(big)).toBe(true)
})

test('another TOC than the annotation names is refused', async () => {
  const other = digestOf('other')
  await expect(openEstargz(blob.length, from(blob), { tocDigest: other })).rejects.toMatchObject({
    code: 'E_DIGEST',
  })
})

test('a plain gzip layer is not eStargz, and the error says what to do', async () => {
  const plain = gzipSync(Buffer.alloc(4096))
  await expect(openEstargz(plain.length, from(plain))).rejects.toMatchObject({ code: 'E_NOT_ESTARGZ' })
  await expect(openEstargz(0, from(Buffer.alloc(0)))).rejects.toMatchObject({ code: 'E_NOT_ESTARGZ' })
})

test('a changed byte in a chunk is an error, never wrong bytes', async () => {
  const layer = await openEstargz(blob.length, from(blob), { tocDigest })
  const chunk = layer.entries[2]?.chunks[1]
  if (chunk === undefined) throw new Error('no chunk')
  for (let at = chunk.offset; at < chunk.end; at += 97) {
    const changed = Buffer.from(blob)
    changed.writeUInt8((changed.readUInt8(at) + 1) & 0xff, at)
    let content: Buffer | undefined
    try {
      content = await decodeChunks(changed.subarray(chunk.offset, chunk.end), { chunks: [chunk] })
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^E_(ESTARGZ|DIGEST)$/) })
    }
    if (content) expect(content.equals(big.subarray(30_000, 60_000))).toBe(true) // a byte of the padding behind it
  }
})

test('the footer is what the library reads and writes', () => {
  const found = parseFooter(blob.subarray(-FOOTER_BYTES), blob.length)
  expect(found?.start).toBe(blob.length - FOOTER_BYTES)
  const ours = encodeFooter(found?.tocOffset ?? 0)
  expect(ours).toHaveLength(FOOTER_BYTES)
  // Bytes 8 and 9 are hints on compressor and system.
  expect(ours.subarray(10).equals(blob.subarray(-FOOTER_BYTES + 10))).toBe(true)
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
