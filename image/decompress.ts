/** Layers' compression, told by the first bytes and never by the media type: gzip of any number of members, zstd of any number of frames, none. */
import { once } from 'node:events'
import { pipeline, type Readable, Transform } from 'node:stream'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { HeadstartError, messageOf } from './errors.ts'
import type { Compression } from './media-types.ts'
import { zstdFrames } from './zstd-frames.ts'

const BUFFER_BYTES = 256 << 10
/** A layer that unpacks to more than this fits no container's disk. */
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

/**
 * @param source a blob's bytes; destroyed with the result
 * @param options.maxBytes of output, then E_TOO_LARGE; 16 TiB unless told
 */
export async function decompress(
  source: Readable,
  options: { maxBytes?: number } = {},
): Promise<Decompressed> {
  const swallow = () => {} // the error reaches whoever reads the last stream
  source.on('error', swallow) // also one that comes before the pipeline stands
  const compression = compressionOf(await peek(source))
  const limit = limiter(options.maxBytes ?? MAX_BYTES)
  if (compression === 'gzip') pipeline(source, createGunzip({ chunkSize: BUFFER_BYTES }), limit, swallow)
  else if (compression === 'zstd') {
    const decoder = createZstdDecompress({
      chunkSize: BUFFER_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: 27 }, // 128 MiB, what every decoder takes
    })
    pipeline(source, zstdFrames(), decoder, limit, swallow)
  } else pipeline(source, limit, swallow)
  return { compression, stream: limit }
}

/** The first bytes, put back. */
async function peek(source: Readable): Promise<Buffer> {
  let head = Buffer.alloc(0)
  while (head.length < 4) {
    const chunk: unknown = source.read()
    if (Buffer.isBuffer(chunk)) head = Buffer.concat([head, chunk])
    else if (source.readableEnded || source.destroyed) break
    else await Promise.race(['readable', 'end', 'close'].map((event) => once(source, event)))
  }
  if (head.length > 0) source.unshift(head)
  return head
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

/** zlib's errors say what a person can't use: `Z_DATA_ERROR`. */
export function compressionError(cause: unknown, where: string): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (!/^(Z_|ZSTD_|ERR_ZLIB|ERR_ZSTD)/.test(code)) return cause
  return new HeadstartError('E_COMPRESSION', `${where} can't be decompressed: ${messageOf(cause)}`, { cause })
}
