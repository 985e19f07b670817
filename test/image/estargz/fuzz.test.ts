/**
 * Hostile layers: bits flipped, bytes cut off or put in, numbers that lie. Reader and verifier answer with an error of ours or with the
 * right bytes; never with wrong ones, with another error, or with memory that the layer only claims.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { encodeFooter } from '../../../image/estargz/format/footer.ts'
import {
  encodeToc,
  TOC_DIGEST_ANNOTATION,
  TOC_NAME,
  type TocEntry,
} from '../../../image/estargz/format/toc.ts'
import { decodeChunks, partOf } from '../../../image/estargz/read/decode.ts'
import { groupsOf } from '../../../image/estargz/read/groups.ts'
import { openEstargz } from '../../../image/estargz/read/reader.ts'
import { verifyLayer } from '../../../image/layers/estargz.ts'
import { END_OF_TAR, plainFileHeader } from '../../../image/tar/encode.ts'
import { paddingOf } from '../../../image/tar/entry.ts'
import type { Digest } from '../../../image/types.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { buildOracle } from '../../peers/oracle/oracle.ts'
import { damage, damaged } from '../../support/damage.ts'
import { cases, PATIENCE_MS } from '../../support/property.ts'
import { dir, file, hardlink, symlink, tarOf } from '../../support/tar.ts'
import { dataOf, forged, tocOf } from './forged.ts'
import { writeInMemory } from './in-memory.ts'

/** Doesn't compress: a flipped bit in it is a wrong byte, not damaged gzip. */
const big = Buffer.from(Array.from({ length: 20_000 }, (_, index) => Math.imul(index, 2_654_435_761) >>> 24))
const contents = new Map([
  ['d/big', big],
  ['d/small', Buffer.from('small')],
  ['d/other', Buffer.from('other content')],
])
let folder = ''
/** as the library writes it; and with ranges ahead */
let sources: readonly Source[] = []
const which = fc.constantFrom(0, 1)
const sourceOf = (index: number): Source => sources[index] ?? { blob: Buffer.alloc(0), tocDigest: '' }

interface Source {
  readonly blob: Buffer
  readonly tocDigest: string
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hs-fuzz-'))
  const files = [...contents].map(([name, content]) => file(name, content))
  const tar = await tarOf([dir('d/'), ...files, hardlink('d/h', 'd/small'), symlink('d/s', 'small')])
  writeFileSync(join(folder, 'in.tar'), tar)
  const args = ['build', join(folder, 'in.tar'), join(folder, 'blob'), '6000', 'd/small']
  const tocDigest = execFileSync(await buildOracle(), args)
    .toString()
    .trim()
  const split = await writeInMemory(tar, ['d/small'], {
    chunkSize: 6000,
    hot: {
      'd/big': [
        [0, 1500],
        [9000, 12_000],
      ],
      'd/other': [[3, 7]],
    },
  })
  sources = [
    { blob: readFileSync(join(folder, 'blob')), tocDigest },
    { blob: split.bytes, tocDigest: split.tocDigest },
  ]
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Reads every file as a lazy mount does. Wrong bytes fail the test; an error of ours is an answer. */
async function readAll(bytes: Buffer, digest: string | undefined): Promise<void> {
  try {
    const fetch = async ({ start, end }: { start: number; end: number }) => bytes.subarray(start, end)
    const layer = await openEstargz(bytes.length, fetch, { tocDigest: digest })
    const groups = groupsOf(layer.entries.flatMap(({ chunks }) => chunks))
    for (const entry of layer.entries) {
      const parts: Buffer[] = []
      for (const chunk of entry.chunks) {
        const group = groups.find(({ offset }) => offset === chunk.offset)
        if (group === undefined) throw new Error('a chunk without a group')
        parts.push(
          partOf(await decodeChunks(await fetch({ start: group.offset, end: group.end }), group), chunk),
        )
      }
      const expected = contents.get(entry.path)
      if (digest !== undefined && entry.type === 'reg' && entry.size > 0)
        // of no bytes none is wrong

        expect(Buffer.concat(parts).equals(expected ?? Buffer.alloc(0))).toBe(true)
    }
  } catch (error) {
    if (!(error instanceof HeadstartError)) throw error
  }
}

/** What a reader sees of a table of contents; undefined: it refuses it. */
async function seenIn(bytes: Buffer): Promise<unknown> {
  try {
    const fetch = async ({ start, end }: { start: number; end: number }) => bytes.subarray(start, end)
    const { entries, zoneEnd } = await openEstargz(bytes.length, fetch)
    return { entries, zoneEnd }
  } catch (error) {
    if (error instanceof HeadstartError) return undefined
    throw error
  }
}

/** What shows a reader anything else than the truth must be told by the verifier. */
async function expectTold(bytes: Buffer, digest: string, { diffId, blob }: Truth): Promise<void> {
  const problems = await verify(bytes, digest, diffId)
  if (problems.length === 0) expect(await seenIn(bytes)).toEqual(await seenIn(blob))
}

interface Truth extends Pick<Source, 'blob'> {
  readonly diffId: Digest
}

async function verify(bytes: Buffer, digest: string, diffId: Digest): Promise<string[]> {
  const problems: string[] = []
  const layer = {
    diffId,
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

test(
  'damage is an error or makes no difference, never wrong bytes',
  async () => {
    await fc.assert(
      fc.asyncProperty(which, fc.array(damage, { minLength: 1, maxLength: 3 }), async (source, damages) => {
        const { blob, tocDigest } = sourceOf(source)
        const bytes = damages.reduce(damaged, blob)
        await readAll(bytes, tocDigest)
        await readAll(bytes, undefined)
        await expectTold(bytes, tocDigest, { blob, diffId: digestOf(gunzipSync(blob)) })
      }),
      cases(1800),
    )
  },
  PATIENCE_MS,
)

const number = fc.oneof(
  fc.integer({ min: -2, max: 20_000 }),
  fc.constantFrom(2 ** 31, 2 ** 32 + 1, 2 ** 40, 2 ** 52, 1.5),
)
const lie = fc.record({
  entry: fc.nat(),
  field: fc.constantFrom('offset', 'size', 'chunkSize', 'chunkOffset', 'innerOffset', 'mode', 'uid'),
  value: number,
})

test(
  'numbers that lie are refused, or told by the verifier',
  async () => {
    const tocs = sources.map(({ blob }) => tocOf(blob))
    await fc.assert(
      fc.asyncProperty(which, fc.array(lie, { minLength: 1, maxLength: 3 }), async (source, lies) => {
        const { blob } = sourceOf(source)
        const entries = (tocs[source] ?? []).map((entry) => ({ ...entry }))
        for (const { entry, field, value } of lies)
          Object.assign(entries[entry % entries.length] ?? {}, { [field]: value })
        const { bytes, tocDigest, diffId } = forged(dataOf(blob), entries)
        await readAll(bytes, tocDigest)
        await expectTold(bytes, tocDigest, { blob, diffId })
      }),
      cases(1000),
    )
  },
  PATIENCE_MS,
)

/** Anything JSON can say in a field's place, and entries that are gone, doubled, in another order or far too many. */
const change = fc.oneof(
  fc.record({
    kind: fc.constant('value' as const),
    entry: fc.nat(),
    field: fc.constantFrom(
      'name',
      'type',
      'size',
      'offset',
      'linkName',
      'xattrs',
      'digest',
      'chunkDigest',
      'modtime',
    ),
    value: fc.oneof(
      fc.constantFrom(
        null,
        true,
        [],
        {},
        '',
        '..',
        '/',
        'd/small',
        'a\u0000b',
        'reg',
        'chunk',
        -1,
        1e300,
        'x'.repeat(70_000),
      ),
      fc.jsonValue(),
    ),
  }),
  fc.record({ kind: fc.constantFrom('drop', 'double', 'last'), entry: fc.nat() }),
  fc.record({
    kind: fc.constant('many' as const),
    entry: fc.nat(),
    count: fc.integer({ min: 100, max: 400 }),
  }),
)

test(
  'a table of contents of any JSON is refused, or told by the verifier',
  async () => {
    const texts = sources.map(({ blob }) => Buffer.concat([...encodeToc(tocOf(blob))]).toString())
    await fc.assert(
      fc.asyncProperty(which, fc.array(change, { minLength: 1, maxLength: 3 }), async (source, changes) => {
        const { blob } = sourceOf(source)
        const toc: { entries: Record<string, unknown>[] } = JSON.parse(texts[source] ?? '')
        for (const each of changes) {
          const at = each.entry % Math.max(1, toc.entries.length)
          const entry = toc.entries[at] ?? {}
          if ('value' in each) entry[each.field] = each.value
          else if ('count' in each) toc.entries.push(...Array.from({ length: each.count }, () => entry))
          else if (each.kind === 'double') toc.entries.splice(at, 0, entry)
          else toc.entries.push(...toc.entries.splice(at, 1).filter(() => each.kind === 'last'))
        }
        const { bytes, tocDigest, diffId } = forged(dataOf(blob), Buffer.from(JSON.stringify(toc)))
        await readAll(bytes, undefined) // a file of another name has other bytes
        await expectTold(bytes, tocDigest, { blob, diffId })
      }),
      cases(400),
    )
  },
  PATIENCE_MS,
)

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
  const [group] = groupsOf(layer.entries.flatMap(({ chunks }) => chunks))
  if (group === undefined) throw new Error('no chunk')
  const decoded = decodeChunks(bytes.subarray(group.offset, group.end), group)
  await expect(decoded).rejects.toMatchObject({ code: 'E_ESTARGZ' })
})
