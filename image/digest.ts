/** Digests and byte ranges of blobs: parsed, computed, and checked as bytes pass. Only sha256, which all registries and runtimes support. */
import { createHash } from 'node:crypto'
import { type Readable, Transform } from 'node:stream'
import { HeadstartError } from '../system/errors.ts'

/** `sha256:` and 64 lower-case hex digits. Made by `parseDigest` or a hash only. */
export type Digest = `sha256:${string}`

/** Half-open: bytes `start` to `end - 1`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What a blob must be. */
export interface BlobIdentity {
  readonly digest: Digest
  readonly size: number
}

const SHA256 = /^sha256:[0-9a-f]{64}$/

export const isDigest = (text: string): text is Digest => SHA256.test(text)

/**
 * @param where what the digest belongs to, for the error
 * @throws HeadstartError E_DIGEST: another algorithm, or not 64 lower-case hex digits
 */
export function parseDigest(text: string, where = 'digest'): Digest {
  if (isDigest(text)) return text
  const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
  const algorithm = /^([a-z0-9+._-]+):/.exec(text)?.[1]
  if (algorithm !== undefined && algorithm !== 'sha256')
    throw new HeadstartError('E_DIGEST', `${where}: ${shown} uses ${algorithm}; only sha256 is supported`)
  throw new HeadstartError('E_DIGEST', `${where}: ${shown} is not sha256: and 64 lower-case hex digits`)
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** @throws HeadstartError E_DIGEST with both values: `bytes` are not what the descriptor names */
export function checkBytes(
  bytes: Uint8Array,
  expected: Pick<BlobIdentity, 'digest'> & Partial<BlobIdentity>,
  what: string,
): void {
  if (expected.size !== undefined && bytes.length !== expected.size)
    throw sizeFault(what, bytes.length, expected.size)
  const digest = digestOf(bytes)
  if (digest !== expected.digest) throw digestFault(what, digest, expected.digest)
}

const sizeFault = (what: string, size: number | string, expected: number): HeadstartError =>
  new HeadstartError('E_DIGEST', `${what} has ${size} bytes; its descriptor says ${expected}`)

const digestFault = (what: string, digest: Digest, expected: Digest): HeadstartError =>
  new HeadstartError('E_DIGEST', `${what} has the digest ${digest}; its descriptor says ${expected}`, {
    hint: 'The content was changed or damaged in transit; fetch it again',
  })

/**
 * Passes bytes on and fails before its end when they are too many, too few, or not those of the descriptor. The reader must treat
 * what it got as unchecked until the stream ended.
 */
export function verifyingStream(descriptor: BlobIdentity, what: string): Transform {
  const hash = createHash('sha256')
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      if (size > descriptor.size) return done(sizeFault(what, `at least ${size}`, descriptor.size))
      hash.update(chunk)
      done(null, chunk)
    },
    flush(done) {
      if (size !== descriptor.size) return done(sizeFault(what, size, descriptor.size))
      const digest: Digest = `sha256:${hash.digest('hex')}`
      done(digest === descriptor.digest ? null : digestFault(what, digest, descriptor.digest))
    },
  })
}

/** Reads a stream to its end. @returns digest and bytes of what came */
export async function hashStream(stream: Readable): Promise<{ digest: Digest; size: number }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    hash.update(chunk)
  }
  return { digest: `sha256:${hash.digest('hex')}`, size }
}
