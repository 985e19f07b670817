/** Layers written in memory by the library's writer, with zlib's compressor. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { digestOf } from '../../../image/digest.ts'
import { type Codec, FORMATS, type FormatName } from '../../../image/estargz/format/formats.ts'
import { isFormatFile } from '../../../image/estargz/format/toc.ts'
import { openEstargz, type RangeFetch } from '../../../image/estargz/read/reader.ts'
import { verifyEstargz } from '../../../image/estargz/verify/layer.ts'
import {
  type LayerStore,
  type PlacedEntry,
  type StoredMember,
  type WrittenToc,
  writeEstargz,
} from '../../../image/estargz/write/layer.ts'
import type { Member, Range } from '../../../image/estargz/write/members.ts'
import { crc64 } from '../../../image/tar/crc64.ts'
import { paddingOf } from '../../../image/tar/entry.ts'
import { TarScanner } from '../../../image/tar/scan.ts'
import type { Digest } from '../../../image/types.ts'
import { streamOf } from './stream.ts'

export interface MemoryLayer extends WrittenToc {
  readonly bytes: Buffer
  /** uncompressed */
  readonly tar: Buffer
  readonly diffId: Digest
}

interface MemoryOptions {
  readonly chunkSize?: number
  readonly minChunkSize?: number
  readonly name?: FormatName
  /** byte ranges that go ahead, by path */
  readonly hot?: Readonly<Record<string, readonly (readonly [number, number])[]>>
}

/** @param zone paths, in order */
export async function writeInMemory(
  tar: Buffer,
  zone: readonly string[],
  { chunkSize = 4096, minChunkSize = 0, name = 'estargz', hot = {} }: MemoryOptions = {},
): Promise<MemoryLayer> {
  const entries = entriesOf(tar)
  const inZone = zone.flatMap((path) => entries.filter((entry) => entry.path === path))
  const rest = entries.filter((entry) => !inZone.includes(entry))
  const ranges = Object.entries(hot).flatMap(([path, own]) =>
    rest.filter((entry) => entry.path === path).map((entry) => [entry, own] as const),
  )
  const blob: Uint8Array[] = []
  const content: Buffer[] = []
  const store = memoryStore(tar, FORMATS[name].codec)
  const format = { chunkSizeOf: () => chunkSize, minChunkSize, name }
  const written = await writeEstargz(
    { zone: inZone, rest, hot: new Map(ranges) },
    format,
    store,
    (parts, stored) => {
      for (const { start, end } of parts) content.push(store.at({ start, end }))
      blob.push(stored instanceof Uint8Array ? stored : store.bytesOf(stored))
    },
  )
  const bytes = Buffer.concat(blob)
  return { ...written, bytes, tar: Buffer.concat(content), diffId: digestOf(Buffer.concat(content)) }
}

export const fetchOf =
  (bytes: Buffer): RangeFetch =>
  async ({ start, end }) =>
    bytes.subarray(start, end)

export const opened = ({ bytes, tocDigest }: MemoryLayer) =>
  openEstargz(bytes.length, fetchOf(bytes), { tocDigest })

/** @returns what the verifier finds */
export async function faultsOf({ bytes, tocDigest, diffId, tar: content }: MemoryLayer): Promise<string[]> {
  const faults: string[] = []
  const claimed = {
    size: bytes.length,
    fetch: fetchOf(bytes),
    open: async () => streamOf(bytes),
    diffId,
    tocDigest,
    uncompressedSize: String(content.length),
  }
  await verifyEstargz(claimed, (message, path) => faults.push(`${path}: ${message}`))
  return faults
}

function entriesOf(tar: Buffer): PlacedEntry[] {
  const entries: PlacedEntry[] = []
  for (const event of new TarScanner().push(tar)) {
    if (event.kind === 'data') continue
    const { entry, contentAt } = event
    const end = contentAt + entry.size
    if (isFormatFile(entry.path)) continue
    entries.push({
      ...entry,
      start: contentAt - entry.header.length,
      content: contentAt,
      end: end + paddingOf(entry.size),
      digest: entry.type === 'reg' ? digestOf(tar.subarray(contentAt, end)) : undefined,
    })
  }
  return entries
}

interface MemoryStore extends LayerStore {
  at(range: Range): Buffer
  bytesOf(stored: StoredMember): Buffer
}

function memoryStore(source: Buffer, codec: Codec): MemoryStore {
  const pack = (bytes: Uint8Array) => (codec === 'gzip' ? gzipSync(bytes) : zstdCompressSync(bytes))
  let tar = source
  const members: Buffer[] = []
  const stored = new Map<string, StoredMember>()
  const at = ({ start, end }: Range) => tar.subarray(start, end)
  const compress = ({ ranges, chunks }: Member<PlacedEntry>) => {
    const content = Buffer.concat(ranges.map(at))
    const packed = pack(content)
    const digests = chunks.map(({ innerOffset, size }) =>
      digestOf(content.subarray(innerOffset, innerOffset + size)),
    )
    stored.set(JSON.stringify(ranges), { at: members.push(packed) - 1, size: packed.length, digests })
  }
  return {
    at,
    async *read(ranges) {
      for (const range of ranges) yield at(range)
    },
    checksums: async (ranges) => ranges.map((range) => crc64(at(range))),
    bytesOf: ({ at: member }) => members[member] ?? Buffer.alloc(0),
    async append(bytes) {
      const start = tar.length
      tar = Buffer.concat([tar, bytes])
      return start
    },
    async compress(all) {
      for (const member of all) compress(member)
    },
    stored: (ranges) => stored.get(JSON.stringify(ranges)),
    compressOne: async (bytes) => pack(bytes),
    digestOf: ({ digest }) => digest,
  }
}
