/** A worker's jobs: functions from bytes to bytes, so that tests need no thread. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { constants, zstdCompressSync } from 'node:zlib'
import { gzip } from 'libdeflate'
import type { Codec } from '../../image/estargz/format/formats.ts'
import { Crc64 } from '../../image/tar/crc64.ts'
import type { Digest } from '../../image/types.ts'

/** Half-open range in a job's bytes. */
export type Span = readonly [start: number, end: number]

/** Cuts and compresses a piece of a tar. */
export interface CompressJob {
  readonly kind: 'compress'
  readonly bytes: ArrayBuffer
  /** gzip unless told */
  readonly codec?: Codec | undefined
  /** each becomes a gzip member, or a zstd frame */
  readonly members: readonly Span[]
  /** each is hashed */
  readonly hashes: readonly Span[]
  /** the codec's own */
  readonly level: number
}

export interface CompressResult {
  readonly kind: 'compress'
  /** the job's bytes, to be used again */
  readonly spent: ArrayBuffer
  readonly output: Uint8Array<ArrayBuffer>
  /** bytes of each member in `output`, which has nothing else */
  readonly sizes: readonly number[]
  readonly digests: readonly Digest[]
}

/** Hashes parts of files and of memory, in order, as one stream. */
export interface HashJob {
  readonly kind: 'hash'
  readonly parts: readonly (FilePart | Uint8Array)[]
}

export interface FilePart {
  readonly file: string
  readonly start: number
  readonly end: number
}

/** The CRC-64 of each part of a file. */
export interface ChecksumJob {
  readonly kind: 'checksum'
  readonly file: string
  readonly spans: readonly Span[]
}

export interface ChecksumResult {
  readonly kind: 'checksum'
  /** 8 bytes each */
  readonly sums: readonly Uint8Array[]
}

export interface HashResult {
  readonly kind: 'hash'
  readonly digest: Digest
  readonly size: number
}

export function compress(job: CompressJob): CompressResult {
  const bytes = new Uint8Array(job.bytes)
  const pack = job.codec === 'zstd' ? zstdFrame : gzip
  const members = job.members.map(([start, end]) => pack(bytes.subarray(start, end), job.level))
  const output = new Uint8Array(members.reduce((size, member) => size + member.length, 0))
  let at = 0
  for (const member of members) {
    output.set(member, at)
    at += member.length
  }
  return {
    kind: 'compress',
    spent: job.bytes,
    output,
    sizes: members.map(({ length }) => length),
    digests: job.hashes.map(([start, end]) => sha256(bytes.subarray(start, end))),
  }
}

/** Its output is taken in pieces of this size. */
const MAX_PIECE = 1 << 20

const zstdFrame = (bytes: Uint8Array, level: number): Uint8Array =>
  zstdCompressSync(bytes, {
    chunkSize: Math.min(bytes.length + 1024, MAX_PIECE),
    params: { [constants.ZSTD_c_compressionLevel]: level },
  })

const sha256 = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const READ_BYTES = 256 << 10

export async function hash({ parts }: HashJob): Promise<HashResult> {
  const result = createHash('sha256')
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  let size = 0
  for await (const bytes of readParts(parts, () => buffer)) {
    result.update(bytes)
    size += bytes.length
  }
  return { kind: 'hash', digest: `sha256:${result.digest('hex')}`, size }
}

export async function checksum({ file, spans }: ChecksumJob): Promise<ChecksumResult> {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  const sums: Uint8Array[] = []
  let [left, crc] = [0, new Crc64()]
  const lengths = spans.map(([start, end]) => end - start)
  const parts = spans.map(([start, end]) => ({ file, start, end }))
  for await (const bytes of readParts(parts, (rest) => buffer.subarray(0, Math.min(rest, READ_BYTES)))) {
    if (left === 0) [left, crc] = [lengths[sums.length] ?? 0, new Crc64()]
    crc.update(bytes)
    left -= bytes.length
    if (left === 0) sums.push(crc.digest())
  }
  return { kind: 'checksum', sums }
}

/**
 * The parts' bytes, in pieces.
 * @param take gives the memory for each piece, told how many bytes of its part are left; where it gives the same again, a piece is valid
 * until the next is asked for
 */
export async function* readParts(
  parts: readonly (FilePart | Uint8Array)[],
  take: (left: number) => Buffer = (left) => Buffer.allocUnsafeSlow(Math.min(left, READ_BYTES)),
): AsyncGenerator<Uint8Array, void, undefined> {
  const files = new Map<string, Awaited<ReturnType<typeof open>>>()
  try {
    for (const part of parts) {
      if (part instanceof Uint8Array) {
        yield part
        continue
      }
      const file = files.get(part.file) ?? (await open(part.file))
      files.set(part.file, file)
      for (let at = part.start; at < part.end; ) {
        const buffer = take(part.end - at)
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, part.end - at), at)
        if (bytesRead === 0) throw new Error(`${part.file} is shorter than ${part.end} bytes`)
        yield buffer.subarray(0, bytesRead)
        at += bytesRead
      }
    }
  } finally {
    await Promise.all([...files.values()].map((file) => file.close()))
  }
}
