/**
 * Blobs into a registry: not sent if they exist, mounted from a repository that has them, else uploaded, in chunks if the registry limits
 * the size of a request, and resumed after a lost connection where the registry says.
 *
 * Source: OCI distribution-spec v1.1, "Pushing Blobs".
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HeadstartError } from '../../system/errors.ts'
import type { Blob, Descriptor, MountOrigin } from '../types.ts'
import type { RegistryClient } from './client.ts'
import { isTransient, refused, unreachable } from './faults.ts'
import { discard, headerOf, type RegistryRequest } from './request.ts'
import { isRetried, MAX_ATTEMPTS, retryAfterMs, waitMs } from './retry.ts'
import { bytesReceived, uploadUrl, withDigest } from './upload-url.ts'

/** What gateways that limit bodies let through. All others get a blob in one piece, since some registries accept nothing else. */
const SMALL_CHUNK_BYTES = 32 << 20

/** Answers to HEAD of registries that can't or won't say whether they have a blob: it is sent. */
const UNKNOWN = [400, 403, 404, 405, 410, 501] as const
/** The registry answered with a refusal, for whatever reason; not a network failure, which all requests would meet. */
const isRefused = (error: unknown): boolean =>
  error instanceof HeadstartError && error.code !== 'E_REGISTRY_UNREACHABLE'

export class Uploader {
  private readonly client: RegistryClient
  private readonly repository: string
  private chunkBytes: number

  constructor(client: RegistryClient, repository: string, chunkBytes = Number.POSITIVE_INFINITY) {
    this.client = client
    this.repository = repository
    this.chunkBytes = chunkBytes
  }

  async put(blob: Blob, signal: AbortSignal | undefined): Promise<{ existed: boolean }> {
    const { descriptor, origin } = blob
    if (await this.has(descriptor, signal)) return { existed: true }
    const canMount = origin?.host === this.client.host && origin.repository !== this.repository
    const mounting = canMount ? await this.mount(descriptor, origin, signal) : 'refused'
    const start = mounting === 'refused' ? await this.start(descriptor, signal) : mounting
    if (start === undefined) return { existed: true }
    await this.upload(blob, start, signal)
    return { existed: false }
  }

  async has({ digest, size }: Descriptor, signal: AbortSignal | undefined): Promise<boolean> {
    const response = await this.client.request({
      method: 'HEAD',
      url: `/v2/${this.repository}/blobs/${digest}`,
      scopes: this.scopes(),
      expected: [200, ...UNKNOWN],
      signal,
    })
    await discard(response)
    const length = headerOf(response, 'content-length')
    return response.status === 200 && (length === undefined || Number(length) === size)
  }

  /** @returns where to upload to instead; undefined when the blob is there now; `refused` when neither */
  private async mount(
    { digest }: Descriptor,
    from: MountOrigin,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined | 'refused'> {
    const query = `?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from.repository)}`
    try {
      const response = await this.client.request({
        ...this.startRequest(signal),
        url: `/v2/${this.repository}/blobs/uploads/${query}`,
        scopes: [...this.scopes(), `repository:${from.repository}:pull`],
        expected: [201, 202],
      })
      await discard(response)
      return response.status === 201 ? undefined : uploadUrl(response)
    } catch (error) {
      signal?.throwIfAborted()
      // A missing right, an unsupported request: an upload may work all the same.
      if (isRefused(error)) return 'refused'
      throw error
    }
  }

  /** @returns where to upload to; undefined when the registry turns out to have the blob */
  private async start(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<string | undefined> {
    const response = await this.client.request(this.startRequest(signal))
    await discard(response)
    if (response.status === 201 && (await this.has(descriptor, signal))) return undefined
    return uploadUrl(response)
  }

  private startRequest(signal: AbortSignal | undefined) {
    return {
      method: 'POST',
      url: `/v2/${this.repository}/blobs/uploads/`,
      headers: { 'content-length': '0' },
      scopes: this.scopes(),
      expected: [200, 201, 202],
      signal,
    } as const
  }

  private async upload(blob: Blob, start: string, signal: AbortSignal | undefined): Promise<void> {
    const { location, isResumed } = await this.send(blob, start, signal)
    let isRepeated = isResumed
    const onRetry = () => {
      isRepeated = true
    }
    try {
      await this.finish(blob.descriptor, location, { signal, onRetry })
    } catch (error) {
      signal?.throwIfAborted()
      // Part of a request that was cut may have arrived after the registry was asked how far it had got: then the bytes aren't the blob's. Or it is
      // still at the end of the upload when it is asked for that again.
      if (!isRepeated || !isRefused(error)) throw error
      const again = await this.send(blob, await this.restart(blob, signal), signal)
      await this.finish(blob.descriptor, again.location, { signal })
    }
  }

  /** @returns where the upload is to be finished, and whether it was interrupted on the way */
  private async send(
    blob: Blob,
    start: string,
    signal: AbortSignal | undefined,
  ): Promise<{ location: string; isResumed: boolean }> {
    const { size } = blob.descriptor
    let location = start
    let isResumed = false
    let failures = 0
    let furthest = 0 // sending the same bytes again after a restart is not progress
    for (let at = 0; at < size; ) {
      const end = Math.min(at + this.chunkBytes, size)
      const outcome = await this.sendChunk(blob, location, at, end, signal)
      if ('next' in outcome) {
        location = outcome.next
        at = end
        if (at > furthest) failures = 0
        furthest = Math.max(furthest, at)
        continue
      }
      isResumed = true
      const wait = ++failures < MAX_ATTEMPTS ? waitMs(failures, outcome.asked, Math.random()) : undefined
      if (wait === undefined) throw outcome.fault
      await sleep(wait, undefined, { signal })
      const resumed = await this.status(location, size, signal)
      at = resumed?.at ?? 0
      location = resumed?.location ?? (await this.restart(blob, signal))
    }
    return { location, isResumed }
  }

  /** A new upload, after the registry has forgotten the old one. */
  private async restart({ descriptor }: Blob, signal: AbortSignal | undefined): Promise<string> {
    const location = await this.start(descriptor, signal)
    if (location === undefined)
      throw new HeadstartError('E_REGISTRY', `${this.client.host} did not start an upload`)
    return location
  }

  /** One PATCH, tried once: after a failure the registry is asked whether the upload can be resumed, and where. */
  private async sendChunk(
    blob: Blob,
    location: string,
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<{ next: string } | { fault: HeadstartError; asked?: number | undefined }> {
    const isWhole = start === 0 && end === blob.descriptor.size
    try {
      const response = await this.client.request({
        method: 'PATCH',
        url: location,
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': `${end - start}`,
          ...(!isWhole && { 'content-range': `${start}-${end - 1}` }),
        },
        body: () => blob.open(isWhole ? undefined : { start, end }, signal),
        scopes: this.scopes(),
        expected: [200, 201, 202, 204, 404, 413, 416, 429, 500, 502, 503, 504],
        attempts: 1,
        signal,
      })
      if (response.status < 300) {
        await discard(response)
        return { next: uploadUrl(response, location) }
      }
      const fault = await refused('PATCH', response, this.client.silenceMs)
      if (response.status === 413 && this.chunkBytes > SMALL_CHUNK_BYTES) {
        this.chunkBytes = SMALL_CHUNK_BYTES
        return { fault, asked: 0 }
      }
      if (response.status === 404 || response.status === 416 || isRetried(response.status))
        return { fault, asked: retryAfterMs(headerOf(response, 'retry-after'), Date.now()) }
      throw fault
    } catch (error) {
      signal?.throwIfAborted()
      const cause = error instanceof HeadstartError ? error.cause : error
      if (!isTransient(cause)) throw error
      return { fault: error instanceof HeadstartError ? error : unreachable(this.client.host, error) }
    }
  }

  /** How far an upload got. @returns undefined when the registry can't say, or says something impossible */
  private async status(location: string, size: number, signal: AbortSignal | undefined) {
    try {
      const response = await this.client.request({
        method: 'GET',
        url: location,
        scopes: this.scopes(),
        expected: [200, 202, 204],
        signal,
      })
      await discard(response)
      const at = bytesReceived(headerOf(response, 'range'), size)
      return at === undefined ? undefined : { at, location: uploadUrl(response, location) }
    } catch (error) {
      signal?.throwIfAborted()
      if (isRefused(error)) return undefined
      throw error
    }
  }

  /** If the answer to a first attempt was lost, a second one finds the upload gone and the blob in place. */
  private async finish(
    descriptor: Descriptor,
    location: string,
    around: Pick<RegistryRequest, 'signal' | 'onRetry'>,
  ): Promise<void> {
    const response = await this.client.request({
      ...around,
      method: 'PUT',
      url: withDigest(location, descriptor.digest),
      headers: { 'content-length': '0' },
      scopes: this.scopes(),
      expected: [200, 201, 202, 204, 404],
    })
    if (response.status !== 404) await discard(response)
    else if (!(await this.has(descriptor, around.signal)))
      throw await refused('PUT', response, this.client.silenceMs)
  }

  private scopes(): string[] {
    return [`repository:${this.repository}:pull,push`]
  }
}
