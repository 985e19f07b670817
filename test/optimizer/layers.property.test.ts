/** Random layers in, random zones: the layer that comes out unpacks to the same tree, verifies, and reads back through the library. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from '../../image/command.ts'
import { decompress } from '../../image/decompress.ts'
import { digestOf } from '../../image/digest.ts'
import { openEstargz } from '../../image/estargz/reader.ts'
import { TOC_DIGEST_ANNOTATION } from '../../image/estargz/toc.ts'
import { verifyLayer } from '../../image/estargz/verify-layer.ts'
import { scanTar } from '../../image/tar/scan.ts'
import { END_OF_TAR, encodeHeader } from '../../image/tar/write.ts'
import { createPool, type Pool } from '../../optimizer/compress/pool.ts'
import { chunkSizesOf, copyLayer } from '../../optimizer/copy.ts'
import { ingestLayer, isOurs } from '../../optimizer/ingest.ts'
import { orderLayer } from '../../optimizer/order.ts'
import { AppendFile } from '../../optimizer/spool.ts'
import { type WrittenLayer, writeLayer } from '../../optimizer/write.ts'
import { buildOracle } from '../peers/oracle/oracle.ts'
import { anyLayer, cases, soundLayer, tarOfItems } from './generator.ts'
import { type TestFolder, testFolder } from './support.ts'
import { type UnpackedFile, unpackModel } from './unpack-model.ts'

let folder: TestFolder
let pool: Pool
beforeAll(async () => {
  folder = await testFolder()
  pool = createPool({ threads: 1 })
})
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

async function unpack(bytes: Buffer): Promise<UnpackedFile[]> {
  const files: { entry: UnpackedFile['entry']; parts: Buffer[] }[] = []
  const { stream } = await decompress(Readable.from([bytes], { objectMode: false }))
  for await (const event of scanTar(stream)) {
    if (event.kind === 'entry') files.push({ entry: event.entry, parts: [] })
    else files.at(-1)?.parts.push(Buffer.from(event.bytes))
  }
  return files
    .map(({ entry, parts }) => ({ entry, content: Buffer.concat(parts) }))
    .filter(({ entry }) => !isOurs(entry.path))
}

let count = 0
async function convert(
  tar: Buffer,
  zone: readonly string[],
  options: { chunkSize: number; minChunkSize: number },
): Promise<{ written: WrittenLayer; bytes: Buffer }> {
  const name = join(folder.path, String(count++))
  await using spool = await AppendFile.create(`${name}.spool`)
  await using members = await AppendFile.create(`${name}.members`)
  const settings = {
    pool,
    level: 1,
    minChunkSize: options.minChunkSize,
    chunkSizeOf: () => options.chunkSize,
  }
  const layer = await ingestLayer(
    Readable.from([tar], { objectMode: false }),
    { spool, members },
    settings,
    'layer',
  )
  const written = await writeLayer(layer, orderLayer(layer.entries, zone, []), { spool, members }, settings)
  return { written, bytes: Buffer.concat(await written.blob.open().toArray()) }
}

const layerOf = (bytes: Buffer, written: WrittenLayer) => ({
  diffId: written.diffId,
  descriptor: {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: written.digest,
    size: bytes.length,
    annotations: { [TOC_DIGEST_ANNOTATION]: written.tocDigest },
  },
  open: async (range?: { start: number; end: number }) =>
    Readable.from([bytes.subarray(range?.start, range?.end)], { objectMode: false }),
})

const zones = fc.array(fc.nat(), { maxLength: 5 })
const sizes = fc.record({
  chunkSize: fc.constantFrom(512, 1000, 4096),
  minChunkSize: fc.constantFrom(0, 0, 2000),
})

/** What the verifier may say of a layer that had its faults before. */
const inherited = /^links to .* which this layer doesn't have$/

test('any layer unpacks to the same tree, and verifies', async () => {
  await fc.assert(
    fc.asyncProperty(anyLayer, zones, sizes, async (items, picks, options) => {
      const tar = tarOfItems(items)
      const before = await unpack(tar)
      const zone = picks.flatMap((pick) => before[pick % Math.max(1, before.length)]?.entry.path ?? [])
      const { written, bytes } = await convert(tar, zone, options)
      expect(unpackModel(await unpack(bytes))).toEqual(unpackModel(before))
      expect(digestOf(bytes)).toBe(written.digest)
      const problems: string[] = []
      await verifyLayer(layerOf(bytes, written), (message, path) => problems.push(`${path}: ${message}`))
      expect(problems.filter((problem) => !inherited.test(problem.slice(problem.indexOf(': ') + 2)))).toEqual(
        [],
      )
    }),
    cases(250),
  )
})

/** The layer that came out, put into another order by copying its members. */
async function reorder(
  bytes: Buffer,
  zone: readonly string[],
): Promise<{ written: WrittenLayer; bytes: Buffer }> {
  const name = join(folder.path, String(count++))
  await using spool = await AppendFile.create(`${name}.spool`)
  await using members = await AppendFile.create(`${name}.members`)
  const estargz = await openEstargz(bytes.length, async ({ start, end }) => bytes.subarray(start, end))
  const files = { spool, members }
  const layer = await copyLayer(Readable.from([bytes], { objectMode: false }), estargz, files, { pool })
  if (layer === undefined) throw new Error('a layer of ours can always be copied')
  const settings = { pool, level: 1, minChunkSize: 0, chunkSizeOf: chunkSizesOf(estargz) }
  const written = await writeLayer(layer, orderLayer(layer.entries, zone, []), files, settings)
  return { written, bytes: Buffer.concat(await written.blob.open().toArray()) }
}

test('any layer of ours can be put into any other order, and gives what the tar itself gives', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyLayer,
      zones,
      zones,
      fc.constantFrom(512, 1000),
      async (items, first, second, chunkSize) => {
        const tar = tarOfItems(items)
        const before = await unpack(tar)
        const pick = (picks: readonly number[]) =>
          picks.flatMap((at) => before[at % Math.max(1, before.length)]?.entry.path ?? [])
        const once = await convert(tar, pick(first), { chunkSize, minChunkSize: 0 })
        const twice = await reorder(once.bytes, pick(second))
        expect(unpackModel(await unpack(twice.bytes))).toEqual(unpackModel(before))
        const back = await convert(zstdCompressSync(gunzipSync(twice.bytes)), pick(second), {
          chunkSize,
          minChunkSize: 0,
        })
        expect(back.written.digest).toBe(twice.written.digest)
        const problems: string[] = []
        await verifyLayer(layerOf(twice.bytes, twice.written), (message) => problems.push(message))
        expect(problems.filter((problem) => !inherited.test(problem))).toEqual([])
      },
    ),
    cases(120),
  )
})

test('a file that claims more than the disk has fails at once, by its name', async () => {
  const records: [string, string][] = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', 'var/log/lastlog'],
    ['GNU.sparse.realsize', String(2 ** 43)],
  ]
  const fields = {
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
    linkName: '',
    uname: '',
    gname: '',
    devMajor: 0,
    devMinor: 0,
  }
  const header = encodeHeader({ ...fields, name: 'x', size: 512, flag: '0' }, records)
  const map = Buffer.alloc(512)
  map.write('0\n')
  const attempt = convert(Buffer.concat([header, map, END_OF_TAR]), [], { chunkSize: 4096, minChunkSize: 0 })
  await expect(attempt).rejects.toMatchObject({
    code: 'E_DISK_FULL',
    message: expect.stringContaining('var/log/lastlog'),
  })
})

test('the library reads back every sound layer', async () => {
  const oracle = await buildOracle()
  const list: string[] = []
  await fc.assert(
    fc.asyncProperty(soundLayer, zones, fc.constantFrom(512, 1000, 4096), async (items, picks, chunkSize) => {
      const tar = tarOfItems(items)
      const zone = picks.flatMap((pick) => items[pick % Math.max(1, items.length)]?.name ?? [])
      const { written, bytes } = await convert(tar, zone, { chunkSize, minChunkSize: 0 })
      const name = join(folder.path, `sound-${list.length}`)
      await writeFile(`${name}.blob`, bytes)
      await writeFile(`${name}.tar`, tar)
      list.push(`${name}.blob\t${written.tocDigest}\t${name}.tar`)
    }),
    cases(150),
  )
  await writeFile(join(folder.path, 'list'), list.join('\n'))
  expect(await runCommand(oracle, ['check-all', join(folder.path, 'list')])).toContain(
    `${list.length} layers agree`,
  )
})
