/** Single layers in memory: converted, put into another order, unpacked, verified. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { decompress } from '../../image/compression/decompress.ts'
import { digestOf } from '../../image/digest.ts'
import { FORMATS, type FormatName } from '../../image/estargz/format/formats.ts'
import { isFormatFile, TOC_DIGEST_ANNOTATION } from '../../image/estargz/format/toc.ts'
import { openEstargz } from '../../image/estargz/read/reader.ts'
import type { HotRanges } from '../../image/estargz/write/store.ts'
import { verifyLayer } from '../../image/layers/estargz.ts'
import { OCI_LAYER_GZIP } from '../../image/media-types.ts'
import { scanTar } from '../../image/tar/scan.ts'
import type { Digest, Layer } from '../../image/types.ts'
import { createPool, type Pool } from '../../optimizer/compress/pool.ts'
import { orderLayer } from '../../optimizer/plan/order.ts'
import { resolveLinks } from '../../optimizer/rebuild/lower-links.ts'
import { type WrittenLayer, writeLayer } from '../../optimizer/rebuild/write.ts'
import { AppendFile } from '../../optimizer/spool/append-file.ts'
import { chunkSizesOf, spoolEstargz } from '../../optimizer/spool/from-estargz.ts'
import { spoolTar } from '../../optimizer/spool/from-tar.ts'
import type { LayerFiles, SpooledEntry, SpooledLayer } from '../../optimizer/spool/spooled-layer.ts'
import { spoolWholeTar } from '../../optimizer/spool/whole-tar.ts'
import { testFolder } from './support.ts'
import type { UnpackedFile } from './unpack-model.ts'

export interface Result {
  readonly written: WrittenLayer
  readonly bytes: Buffer
}

/** Which ranges go ahead: a file, by turns, and where in it, as shares of its size. */
export type HotPicks = readonly (readonly [file: number, from: number, to: number])[]

interface ReorderOptions {
  readonly tocDigest?: string
  readonly hot?: HotPicks
  /** of files of which ranges stood ahead */
  readonly chunkSize?: number
}

interface ConvertOptions {
  readonly chunkSize: number
  readonly minChunkSize?: number
  readonly hot?: HotPicks
  readonly format?: FormatName
}

export interface LayerBench extends AsyncDisposable {
  readonly folder: string
  readonly pool: Pool
  convert(tar: Buffer, zone: readonly string[], options: ConvertOptions): Promise<Result>
  /** Its tar stays whole. @throws HeadstartError as `spoolWholeTar` */
  keep(tar: Buffer, options: Pick<ConvertOptions, 'chunkSize' | 'format'>): Promise<Result>
  /** An eStargz layer, put into another order by copying its members. @returns undefined: it can't be copied */
  reorder(bytes: Buffer, zone: readonly string[], options?: ReorderOptions): Promise<Result | undefined>
}

/** One folder and one thread for all of a test file's layers. */
export async function layerBench(): Promise<LayerBench> {
  const folder = await testFolder()
  const pool = createPool({ threads: 1 })
  let count = 0
  const withFiles = async <T>(work: (files: LayerFiles) => Promise<T>): Promise<T> => {
    const name = join(folder.path, String(count++))
    try {
      await using spool = await AppendFile.create(`${name}.spool`)
      await using members = await AppendFile.create(`${name}.members`)
      return await work({ spool, members })
    } finally {
      for (const end of ['spool', 'members']) await rm(`${name}.${end}`, { force: true })
    }
  }
  return {
    folder: folder.path,
    pool,
    convert: (tar, zone, { chunkSize, minChunkSize = 0, hot = [], format: name = 'estargz' }) =>
      withFiles(async (files) => {
        const { codec } = FORMATS[name]
        const settings = { name, codec, pool, level: 1, minChunkSize, chunkSizeOf: () => chunkSize }
        const layer = await linked(await spoolTar(streamOf(tar), files, settings, 'layer'), files)
        const order = orderLayer(layer.entries, zone, [])
        const written = await writeLayer(layer, { ...order, hot: hotOf(order.rest, hot) }, files, settings)
        return { written, bytes: await bytesOf(written) }
      }),
    keep: (tar, { chunkSize, format: name = 'estargz+external-toc' }) =>
      withFiles(async (files) => {
        const { codec } = FORMATS[name]
        const settings = { name, codec, pool, level: 1, minChunkSize: 0, chunkSizeOf: () => chunkSize }
        const layer = await spoolWholeTar(streamOf(tar), files, settings, 'layer')
        const order = { zone: [], rest: layer.entries, tail: layer.tail }
        const written = await writeLayer(layer, order, files, settings)
        return { written, bytes: await bytesOf(written) }
      }),
    reorder: (bytes, zone, { tocDigest, hot = [], chunkSize = 4 << 20 } = {}) =>
      withFiles(async (files) => {
        const fetch = async ({ start, end }: { start: number; end: number }) => bytes.subarray(start, end)
        const estargz = await openEstargz(bytes.length, fetch, { tocDigest })
        const layer = await spoolEstargz(streamOf(bytes), estargz, files, { pool })
        if (layer === undefined) return undefined
        const settings = {
          pool,
          level: 1,
          minChunkSize: 0,
          chunkSizeOf: chunkSizesOf(estargz, () => chunkSize),
        }
        const order = orderLayer(layer.entries, zone, [])
        const written = await writeLayer(layer, { ...order, hot: hotOf(order.rest, hot) }, files, settings)
        return { written, bytes: await bytesOf(written) }
      }),
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

function hotOf(rest: readonly SpooledEntry[], picks: HotPicks): HotRanges {
  const files = rest.filter(({ type, size }) => type === 'reg' && size > 0)
  const hot = new Map<SpooledEntry, (readonly [number, number])[]>()
  for (const [pick, from, to] of picks) {
    const file = files[pick % Math.max(1, files.length)]
    if (file === undefined) continue
    const [start, end] = [Math.floor(from * file.size), Math.floor(to * file.size)]
    const last = hot.get(file) ?? []
    if (start < end && start > (last.at(-1)?.[1] ?? -1)) hot.set(file, [...last, [start, end]])
  }
  return hot
}

/** As in an image whose base isn't known: links to what the layer doesn't have stay. */
async function linked(layer: SpooledLayer, files: LayerFiles): Promise<SpooledLayer> {
  const none = Buffer.alloc(0)
  const base = layerOf(none, { digest: digestOf(none), diffId: digestOf(none), mediaType: FOREIGN })
  const [, resolved] = await resolveLinks(
    [
      { kind: 'kept', why: 'foreign', entries: [] },
      { kind: 'spooled', layer, entries: layer.entries, files },
    ],
    { sources: [base, base], signal: new AbortController().signal },
  )
  if (resolved?.kind !== 'spooled') throw new Error('a layer was lost')
  return resolved.layer
}

const FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'

const bytesOf = async ({ blob }: WrittenLayer): Promise<Buffer> => Buffer.concat(await blob.open().toArray())

export const streamOf = (bytes: Buffer): Readable => Readable.from([bytes], { objectMode: false })

/** Files of a layer in any compression, landmarks and table of contents aside. */
export async function unpack(bytes: Buffer): Promise<UnpackedFile[]> {
  const files: { entry: UnpackedFile['entry']; parts: Buffer[] }[] = []
  const { stream } = await decompress(streamOf(bytes))
  for await (const event of scanTar(stream)) {
    if (event.kind === 'entry') files.push({ entry: event.entry, parts: [] })
    else files.at(-1)?.parts.push(Buffer.from(event.bytes))
  }
  return files
    .map(({ entry, parts }) => ({ entry, content: Buffer.concat(parts) }))
    .filter(({ entry }) => !isFormatFile(entry.path))
}

export function layerOf(
  bytes: Buffer,
  facts: { digest: Digest; diffId: Digest; tocDigest?: string | undefined; mediaType?: string },
): Layer {
  const { digest, diffId, tocDigest, mediaType = OCI_LAYER_GZIP } = facts
  const annotations = tocDigest === undefined ? {} : { [TOC_DIGEST_ANNOTATION]: tocDigest }
  return {
    diffId,
    descriptor: { mediaType, digest, size: bytes.length, annotations },
    open: async (range) => streamOf(bytes.subarray(range?.start, range?.end)),
  }
}

/** @returns faults that conversion made */
export async function faultsOf({ written, bytes }: Result): Promise<string[]> {
  const problems: string[] = []
  const { externalToc } = written
  const layer = {
    ...layerOf(bytes, written),
    ...(externalToc && { externalToc: async () => Buffer.from(externalToc.stored) }),
  }
  await verifyLayer(layer, (message, path) => {
    problems.push(`${path}: ${message}`)
  })
  return problems
}
