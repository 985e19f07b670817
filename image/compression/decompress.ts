/**
 * The compression of layers, detected from the first bytes and never from the media type: gzip of any number of members, zstd of any number of
 * frames, or none. Other formats are recognised so that they can be refused by name: they have no media type, and only some runtimes read them.
 */
import { once } from 'node:events'
import { pipeline, Readable, Transform } from 'node:stream'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import type { Compression } from '../media-types.ts'
import { zstdFrames } from './zstd-frames.ts'

const BUFFER_BYTES = 256 << 10
/** A layer that unpacks to more than this does not fit on any container's disk. */
const MAX_BYTES = 2 ** 44

export interface Decompressed {
  readonly compression: Compression
  /** Fails with E_COMPRESSION on damage; with the source's error when that fails. */
  readonly stream: Readable
}

export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  const isFrame = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd
  const isSkippable =
    ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18
  return isFrame || isSkippable ? 'zstd' : 'none'
}

/** As many bytes as it takes to detect every format. */
export const HEAD_BYTES = 10

const at = (head: Uint8Array, text: string): boolean =>
  Buffer.from(head.subarray(0, text.length)).toString('latin1') === text

/** The name of a compression that layers can't have. No tar begins like any of them: its first bytes are a file's name. */
export function foreignCompression(head: Uint8Array): string | undefined {
  if (at(head, '\xfd7zXZ\0')) return 'xz'
  if (at(head, 'BZh') && Buffer.from(head.subarray(4, 10)).toString('latin1') === '1AY&SY') return 'bzip2'
  if (at(head, '\x04\x22\x4d\x18')) return 'lz4'
  if (at(head, 'LZIP\x01')) return 'lzip'
  // The size of its dictionary follows, which is not 0; in a tar whose first file is called `]` only zeros follow.
  if (at(head, ']\0\0') && (head[3] !== 0 || head[4] !== 0)) return 'lzma'
  return undefined
}

/** Distinguished from zlib's errors by `compressionError`, which knows what can't be read. */
class ForeignCompression extends Error {}

/**
 * @param source a blob's bytes; destroyed with the result
 * @param options.maxBytes of output, then E_TOO_LARGE; 16 TiB by default
 * @throws an error that `compressionError` turns into E_COMPRESSION
 */
export async function decompress(
  source: Readable,
  options: { maxBytes?: number } = {},
): Promise<Decompressed> {
  const swallow = () => {} // the reader of the last stream gets the error
  source.on('error', swallow) // also one that comes before the pipeline is built
  const { head, whole } = await peek(source)
  const foreign = foreignCompression(head)
  if (foreign !== undefined) {
    source.destroy()
    throw new ForeignCompression(foreign)
  }
  const compression = compressionOf(head)
  const limit = limiter(options.maxBytes ?? MAX_BYTES)
  if (compression === 'gzip') pipeline(whole, createGunzip({ chunkSize: BUFFER_BYTES }), limit, swallow)
  else if (compression === 'zstd') {
    const decoder = createZstdDecompress({
      chunkSize: BUFFER_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: 27 }, // 128 MiB, what every decoder takes
    })
    pipeline(whole, zstdFrames(), decoder, limit, swallow)
  } else pipeline(whole, limit, swallow)
  return { compression, stream: limit }
}

/** The first bytes, and a stream that begins with them. */
async function peek(source: Readable): Promise<{ head: Buffer; whole: Readable }> {
  let head = Buffer.alloc(0)
  while (head.length < HEAD_BYTES) {
    const chunk: unknown = source.read()
    if (Buffer.isBuffer(chunk)) head = Buffer.concat([head, chunk])
    else if (source.readableEnded || source.destroyed) break
    else await Promise.race(['readable', 'end', 'close'].map((event) => once(source, event)))
  }
  if (head.length === 0) return { head, whole: source }
  // A stream that has ended takes nothing back.
  if (source.readableEnded) return { head, whole: Readable.from([head], { objectMode: false }) }
  source.unshift(head)
  return { head, whole: source }
}

function limiter(maxBytes: number): Transform {
  let size = 0
  return new Transform({
    readableHighWaterMark: 4 * BUFFER_BYTES,
    writableHighWaterMark: 4 * BUFFER_BYTES,
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      if (size > maxBytes)
        return done(new HeadstartError('E_TOO_LARGE', `the layer unpacks to more than ${maxBytes} bytes`))
      done(null, chunk)
    },
  })
}

/** @param compression as `foreignCompression` names it */
export const unsupported = (compression: string, where: string): HeadstartError =>
  new HeadstartError('E_COMPRESSION', `${where} is compressed with ${compression}, which is not supported`, {
    hint: 'Recompress it with gzip or zstd',
  })

/** zlib's errors mean nothing to a person: `Z_DATA_ERROR`. */
export function compressionError(cause: unknown, where: string): unknown {
  if (cause instanceof ForeignCompression) return unsupported(cause.message, where)
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (!/^(Z_|ZSTD_|ERR_ZLIB|ERR_ZSTD)/.test(code)) return cause
  return new HeadstartError('E_COMPRESSION', `${where} can't be decompressed: ${messageOf(cause)}`, { cause })
}
