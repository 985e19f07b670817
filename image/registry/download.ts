/**
 * Blobs from a registry: whole or in ranges, resumed after a lost connection, and straight from the storage that a registry redirects to for
 * as long as that URL works.
 */
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'
import { HeadstartError } from '../../system/errors.ts'
import { joined } from '../progress.ts'
import type { ByteRange, Descriptor, Digest } from '../types.ts'
import type { RegistryClient } from './client.ts'
import { encodingOf, isGzip } from './document.ts'
import { isTransient, unreachable } from './faults.ts'
import { Pace } from './pace.ts'
import { headerOf, type RegistryResponse } from './request.ts'
import { MAX_ATTEMPTS, waitMs } from './retry.ts'

export class Downloader {
  private readonly client: RegistryClient
  private readonly repository: string
  /** the URL that the registry last redirected to, by digest */
  private readonly locations = new Map<Digest, string>()

  constructor(client: RegistryClient, repository: string) {
    this.client = client
    this.repository = repository
  }

  /** The bytes as they arrive, unchecked. @throws HeadstartError E_BLOB_MISSING, E_REGISTRY: too slow, and the client's */
  async open(
    descriptor: Descriptor,
    range: ByteRange | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Readable> {
    const wanted = range ?? { start: 0, end: descriptor.size }
    if (wanted.start === wanted.end) return Readable.from([], { objectMode: false })
    const first = await this.ask(descriptor, wanted, signal)
    return Readable.from(this.pieces(descriptor, wanted, first, signal), {
      objectMode: false,
      highWaterMark: 1 << 20,
    })
  }

  private async *pieces(
    descriptor: Descriptor,
    { start, end }: ByteRange,
    first: RegistryResponse,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Buffer> {
    let at = start
    let failures = 0
    const pace = new Pace(descriptor.digest, this.client.silenceMs)
    for (let response = first; ; response = await this.ask(descriptor, { start: at, end }, signal)) {
      const from = at
      try {
        for await (const piece of pace.keep(partOf(response, { start: at, end }, descriptor))) {
          at += piece.length
          failures = 0
          yield piece
        }
        if (at >= end) return
        // A server may send only part of a range.
        if (response.status !== 206 || at === from)
          throw new HeadstartError(
            'E_DIGEST',
            `${descriptor.digest} ends after ${at} bytes; its descriptor says ${descriptor.size}`,
          )
      } catch (error) {
        signal?.throwIfAborted()
        if (!isTransient(error)) throw error
        const wait = ++failures < MAX_ATTEMPTS ? waitMs(failures, undefined, Math.random()) : undefined
        if (wait === undefined) throw unreachable(this.client.host, error)
        await sleep(wait, undefined, { signal })
      }
    }
  }

  private async ask(descriptor: Descriptor, wanted: ByteRange, signal: AbortSignal | undefined) {
    const isWhole = wanted.start === 0 && wanted.end === descriptor.size
    const request = {
      method: 'GET',
      headers: isWhole ? {} : { range: `bytes=${wanted.start}-${wanted.end - 1}` },
      scopes: [`repository:${this.repository}:pull`],
      expected: [200, 206],
      signal,
    } as const
    const known = this.locations.get(descriptor.digest)
    if (known !== undefined) {
      // Such URLs expire. Whatever is wrong with it, the registry gives a new one.
      const answer = await this.client.request({ ...request, url: known, attempts: 1 }).catch(() => undefined)
      signal?.throwIfAborted()
      if (answer) return answer
      this.locations.delete(descriptor.digest)
    }
    const path = `/v2/${this.repository}/blobs/${descriptor.digest}`
    const response = await this.client.request({ ...request, url: path }).catch((error: unknown) => {
      if (error instanceof HeadstartError && error.code === 'E_NOT_FOUND')
        throw new HeadstartError('E_BLOB_MISSING', error.message, { cause: error })
      throw error
    })
    if (response.url.pathname !== path) this.locations.set(descriptor.digest, response.url.href)
    return response
  }
}

/** The wanted bytes of a response, be it the range (206) or, from a server that doesn't support ranges, the whole blob (200). */
async function* partOf(response: RegistryResponse, wanted: ByteRange, { digest, size }: Descriptor) {
  let at = response.status === 206 ? rangeStart(response, wanted, digest) : 0
  for await (const chunk of contentOf(response, size)) {
    const bytes: Buffer = chunk
    const from = Math.max(wanted.start - at, 0)
    const to = Math.min(wanted.end - at, bytes.length)
    at += bytes.length
    if (from < to) yield bytes.subarray(from, to)
    // Bytes beyond the size are passed on to the check of the size.
    if (at > wanted.end && wanted.end === size && response.status === 200) yield bytes.subarray(to)
    if (at >= wanted.end && !(wanted.end === size && response.status === 200)) return
  }
}

/** A gateway may compress what it passes on; storage that declares a gzipped layer as gzip sends the bytes that we want. */
function contentOf(response: RegistryResponse, size: number): Readable {
  const isAsIs = response.status !== 200 || Number(headerOf(response, 'content-length')) === size
  return isAsIs || !isGzip(encodingOf(response.headers))
    ? response.body
    : joined(response.body, createGunzip())
}

function rangeStart(response: RegistryResponse, wanted: ByteRange, digest: Digest): number {
  const header = headerOf(response, 'content-range') ?? ''
  const length = wanted.end - wanted.start
  if (header === '' && Number(headerOf(response, 'content-length')) === length) return wanted.start
  const [, start, last] = /^bytes (\d+)-(\d+)\/(?:\d+|\*)$/.exec(header) ?? []
  if (Number(start) === wanted.start && Number(last) < wanted.end) return wanted.start
  throw new HeadstartError(
    'E_REGISTRY',
    `${response.url.host} sent the wrong range of ${digest}: ${JSON.stringify(header.slice(0, 100))} instead of ${wanted.start}-${wanted.end - 1}`,
  )
}
