/**
 * Hostile layers: bits flipped, bytes cut off or put in, numbers that lie. Reader and verifier answer with an error of ours or with the
 * right bytes; never with wrong ones, with another error, or with memory that the layer only claims.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../image/digest.ts'
import { HeadstartError } from '../../image/errors.ts'
import { encodeFooter, FOOTER_BYTES, parseFooter } from '../../image/estargz/footer.ts'
import { openEstargz, unpackToc } from '../../image/estargz/reader.ts'
import {
  encodeToc,
  parseToc,
  TOC_DIGEST_ANNOTATION,
  TOC_NAME,
  type TocEntry,
} from '../../image/estargz/toc.ts'
import { verifyLayer } from '../../image/estargz/verify-layer.ts'
import { paddingOf } from '../../image/tar/entry.ts'
import { END_OF_TAR, plainFileHeader } from '../../image/tar/write.ts'
import { cases } from '../optimizer/generator.ts'
import { buildOracle } from '../peers/oracle/oracle.ts'
import { dir, file, hardlink, symlink, tarOf } from '../support/tar.ts'

const big = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * index) & 0xff))
const contents = new Map([
  ['d/big', big],
  ['d/small', Buffer.from('small')],
  ['d/other', Buffer.from('other content')],
])
let folder = ''
let blob = Buffer.alloc(0)
let tocDigest = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hs-fuzz-'))
  const files = [...contents].map(([name, content]) => file(name, content))
  const tar = await tarOf([dir('d/'), ...files, hardlink('d/h', 'd/small'), symlink('d/s', 'small')])
  writeFileSync(join(folder, 'in.tar'), tar)
  const args = ['build', join(folder, 'in.tar'), join(folder, 'blob'), '6000', 'd/small']
  tocDigest = execFileSync(await buildOracle(), args)
    .toString()
    .trim()
  blob = readFileSync(join(folder, 'blob'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Reads every file as a lazy mount does. Wrong bytes fail the test; an error of ours is an answer. */
async function readAll(bytes: Buffer, digest: string | undefined): Promise<void> {
  try {
    const fetch = async ({ start, end }: { start: number; end: number }) => bytes.subarray(start, end)
    const layer = await openEstargz(bytes.length, fetch, { tocDigest: digest })
    for (const entry of layer.entries) {
      const parts: Buffer[] = []
      for (const chunk of entry.chunks) parts.push(await layer.readChunk(chunk))
      const expected = contents.get(entry.path)
      if (digest !== undefined && entry.type === 'reg')
        expect(Buffer.concat(parts).equals(expected ?? Buffer.alloc(0))).toBe(true)
    }
  } catch (error) {
    if (!(error instanceof HeadstartError)) throw error
  }
}

async function verify(bytes: Buffer, digest: string): Promise<string[]> {
  const problems: string[] = []
  const layer = {
    diffId: digestOf('unknown'),
    descriptor: {
      mediaType: 'x',
      digest: digestOf(bytes),
      size: bytes.length,
      annotations: { [TOC_DIGEST_ANNOTATION]: digest },
    },
    open: async (range?: { start: number; end: number }) =>
      Readable.from([bytes.subarray(range?.start, range?.end)], { objectMode: false }),
  }
  try {
    await verifyLayer(layer, (message) => problems.push(message))
  } catch (error) {
    if (!(error instanceof HeadstartError)) throw error
    problems.push(error.message)
  }
  return problems
}

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
/** Most of what counts is at the end. */
const spot = fc.oneof(
  place,
  place.map((x) => 1 - x * x * x * 0.2).filter((x) => x < 1),
)
const damage = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: spot, value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: spot, value: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ kind: fc.constant('add' as const), at: spot, value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('end' as const), at: spot, value: fc.constant(0) }),
)

function damaged(bytes: Buffer, { kind, at, value }: { kind: string; at: number; value: number }): Buffer {
  const position = Math.floor(at * bytes.length)
  const [before, after] = [bytes.subarray(0, position), bytes.subarray(position)]
  if (kind === 'cut') return Buffer.concat([before, after.subarray(value)])
  if (kind === 'add') return Buffer.concat([before, Buffer.alloc(value, value), after])
  if (kind === 'end') return Buffer.from(before)
  if (position === bytes.length) return bytes
  const flipped = Buffer.from(bytes)
  flipped.writeUInt8(flipped.readUInt8(position) ^ value, position)
  return flipped
}

test('damage is an error or makes no difference, never wrong bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
      const bytes = damages.reduce(damaged, blob)
      await readAll(bytes, tocDigest)
      await readAll(bytes, undefined)
      await verify(bytes, tocDigest)
    }),
    cases(1500),
  )
})

const number = fc.oneof(
  fc.integer({ min: -2, max: 20_000 }),
  fc.constantFrom(2 ** 31, 2 ** 32 + 1, 2 ** 40, 2 ** 52, 1.5),
)
const lie = fc.record({
  entry: fc.nat(),
  field: fc.constantFrom('offset', 'size', 'chunkSize', 'chunkOffset', 'innerOffset', 'mode', 'uid'),
  value: number,
})

test('numbers that lie are refused, or told by the verifier', async () => {
  const { tocOffset = 0, start = 0 } = parseFooter(blob.subarray(-FOOTER_BYTES), blob.length) ?? {}
  const toc = parseToc(unpackToc(blob.subarray(tocOffset, start)))
  const build = (entries: readonly TocEntry[]) => {
    const json = Buffer.concat([...encodeToc(entries)])
    const tar = [
      plainFileHeader(TOC_NAME, json.length),
      json,
      Buffer.alloc(paddingOf(json.length)),
      END_OF_TAR,
    ]
    const bytes = Buffer.concat([
      blob.subarray(0, tocOffset),
      gzipSync(Buffer.concat(tar)),
      encodeFooter(tocOffset),
    ])
    return { bytes, digest: digestOf(json) }
  }
  await fc.assert(
    fc.asyncProperty(fc.array(lie, { minLength: 1, maxLength: 3 }), async (lies) => {
      const entries = toc.map((entry) => ({ ...entry }))
      for (const { entry, field, value } of lies)
        Object.assign(entries[entry % entries.length] ?? {}, { [field]: value })
      const { bytes, digest } = build(entries)
      await readAll(bytes, undefined)
      const problems = await verify(bytes, digest)
      expect(problems.length).toBeGreaterThan(0) // at the least the diffID, which nothing fits
    }),
    cases(700),
  )
})

test('a member that unpacks to far more than its chunk is refused before it is unpacked whole', async () => {
  const bomb = gzipSync(Buffer.alloc(200 << 20))
  const header = gzipSync(plainFileHeader('bomb', 10))
  const entries: TocEntry[] = [
    { name: 'bomb', type: 'reg', size: 10, offset: header.length, chunkDigest: digestOf('x') },
  ]
  const json = Buffer.concat([...encodeToc(entries)])
  const tar = Buffer.concat([
    plainFileHeader(TOC_NAME, json.length),
    json,
    Buffer.alloc(paddingOf(json.length)),
    END_OF_TAR,
  ])
  const data = Buffer.concat([header, bomb])
  const bytes = Buffer.concat([data, gzipSync(tar), encodeFooter(data.length)])
  const layer = await openEstargz(bytes.length, async ({ start, end }) => bytes.subarray(start, end))
  const chunk = layer.entries[0]?.chunks[0]
  if (chunk === undefined) throw new Error('no chunk')
  await expect(layer.readChunk(chunk)).rejects.toMatchObject({ code: 'E_ESTARGZ' })
})
