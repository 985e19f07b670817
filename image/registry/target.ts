/** An image in a registry as a target. The manifest under the tag is put last, so an image is complete or not there at all. */

import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { digestOf, isDigest } from '../digest.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { MANIFEST_TYPES } from '../media-types.ts'
import { formatReference, type Reference } from '../reference.ts'
import { tagTaken } from '../referrers/cosign-tags.ts'
import type { Blob, Descriptor, Digest, ImageTarget, ReferrerManifest, TaggedManifest } from '../types.ts'
import { RegistryClient } from './client.ts'
import { addToFallback } from './referrers.ts'
import { discard, headerOf, type RegistryResponse } from './request.ts'
import type { RegistryOptions } from './source.ts'
import { NO_HEAD, resolveTag } from './tags.ts'
import { Uploader } from './upload.ts'

/** The longest tag that the distribution's grammar allows. */
const MAX_TAG = 128

/** @throws HeadstartError E_TARGET: the reference names a digest */
export async function registryTarget(
  reference: Reference,
  options: RegistryOptions & { readonly chunkBytes?: number | undefined },
): Promise<ImageTarget> {
  const name = `docker://${formatReference(reference)}`
  if (reference.digest) throw new HeadstartError('E_TARGET', `${name} names a digest; a target takes a tag`)
  const { host, repository } = reference
  const client = await RegistryClient.connect(host, repository, options)
  const uploader = new Uploader(client, repository, options.chunkBytes)
  return new RegistryTarget(reference, { client, uploader, signal: options.signal })
}

interface Connection {
  readonly client: RegistryClient
  readonly uploader: Uploader
  readonly signal: AbortSignal | undefined
}

class RegistryTarget implements ImageTarget {
  readonly name: string
  private readonly reference: Reference
  private readonly tag: string
  private readonly connection: Connection
  private readonly scopes: readonly string[]

  constructor(reference: Reference, connection: Connection) {
    this.name = `docker://${formatReference(reference)}`
    this.reference = reference
    this.tag = reference.tag ?? 'latest'
    this.connection = connection
    this.scopes = [`repository:${reference.repository}:pull,push`]
  }

  async prepare({ force }: { force: boolean }): Promise<void> {
    if (force) return
    const { client, signal } = this.connection
    const request = {
      url: this.manifestUrl(this.tag),
      headers: { accept: MANIFEST_TYPES.join(', ') },
      scopes: this.scopes,
      signal,
    } as const
    const head = await client.request({ ...request, method: 'HEAD', expected: [200, 404, ...NO_HEAD] })
    await discard(head)
    const isUnknown = head.status !== 200 && head.status !== 404
    const response = isUnknown
      ? await client.request({ ...request, method: 'GET', expected: [200, 404] })
      : head
    if (isUnknown) await discard(response)
    if (response.status === 200)
      throw new HeadstartError('E_TARGET_EXISTS', `${this.name} already exists`, {
        hint: 'Choose another tag, or replace it with --force',
      })
  }

  hasBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean> {
    return this.connection.uploader.has(descriptor, this.either(signal))
  }

  putBlob(blob: Blob, signal?: AbortSignal): Promise<{ existed: boolean }> {
    return this.connection.uploader.put(blob, this.either(signal))
  }

  private either(given: AbortSignal | undefined): AbortSignal | undefined {
    const { signal } = this.connection
    return given && signal ? AbortSignal.any([given, signal]) : (given ?? signal)
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    { tagged }: { tagged: boolean },
  ): Promise<Descriptor> {
    const digest = digestOf(bytes)
    await this.put(tagged ? this.tag : digest, bytes, mediaType)
    return { mediaType, digest, size: bytes.length }
  }

  async putReferrer({ bytes, referrer, subject }: ReferrerManifest): Promise<void> {
    const { client, signal } = this.connection
    const response = await this.put(referrer.digest, bytes, referrer.mediaType).catch((cause: unknown) => {
      throw refusedArtifact(cause, this.name)
    })
    // A registry that lists it says so; any other has only stored it.
    if (headerOf(response, 'oci-subject') === subject) return
    const place = { client, repository: this.reference.repository, signal }
    await addToFallback(place, referrer, subject).catch((cause: unknown) => {
      throw refusedArtifact(cause, this.name)
    })
  }

  async putTagged({ tag, bytes, mediaType }: TaggedManifest, { force }: { force: boolean }): Promise<void> {
    const there = force ? undefined : await this.digestUnder(tag)
    if (there === digestOf(bytes)) return
    if (there !== undefined) throw tagTaken(this.name, tag)
    await this.put(tag, bytes, mediaType)
  }

  /** A tag that the registry has and can't read, since it was killed while it wrote it, is sound again once it is replaced. */
  async replaced(): Promise<Digest | undefined> {
    try {
      return await this.digestUnder(this.tag)
    } catch (error) {
      if (codeOf(error) === 'E_REGISTRY') return undefined
      throw error
    }
  }

  private async digestUnder(tag: string): Promise<Digest | undefined> {
    const { client, signal } = this.connection
    const { repository } = this.reference
    return (await resolveTag({ client, repository, signal }, tag))?.digest
  }

  /** Stored as it was sent, whatever it is. */
  private async put(name: string, bytes: Uint8Array, mediaType: string): Promise<RegistryResponse> {
    const { client, signal } = this.connection
    const digest = digestOf(bytes)
    const response = await client.request({
      method: 'PUT',
      url: this.manifestUrl(name),
      headers: { 'content-type': mediaType },
      body: Buffer.from(bytes),
      scopes: this.scopes,
      expected: [200, 201, 202, 204],
      signal,
    })
    await discard(response)
    const stored = headerOf(response, 'docker-content-digest')
    if (stored !== undefined && isDigest(stored) && stored !== digest)
      throw new HeadstartError('E_REGISTRY', `${this.name} was stored as ${stored}; we sent ${digest}`)
    // A server that answers 200 to everything is not a registry, and has stored nothing.
    if (response.status !== 201 && stored !== digest) await this.confirm(response.url, digest)
    return response
  }

  beside(suffix: string): ImageTarget {
    const tag = `${this.tag}${suffix}`
    if (tag.length > MAX_TAG)
      throw new HeadstartError(
        'E_TARGET',
        `${this.name}: with ${suffix} its tag is longer than ${MAX_TAG} characters`,
      )
    return new RegistryTarget({ ...this.reference, tag }, this.connection)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.connection.client[Symbol.asyncDispose]()
  }

  private manifestUrl(name: string): string {
    return `/v2/${this.reference.repository}/manifests/${name}`
  }

  private async confirm(url: URL, digest: Digest): Promise<void> {
    const { client, signal } = this.connection
    const headers = { accept: MANIFEST_TYPES.join(', ') }
    const request = {
      method: 'GET',
      url: url.href,
      headers,
      scopes: this.scopes,
      expected: [200, 404],
      signal,
    } as const
    const { status, bytes } = await client.document(request, MAX_MANIFEST_BYTES)
    if (status === 200 && digestOf(bytes) === digest) return
    throw new HeadstartError(
      'E_REGISTRY',
      `${client.host} accepted ${this.name} without an error but doesn't have it`,
    )
  }
}

/** An answer of the registry to what it could have taken; a missing right or a lost connection stays what it is. */
function refusedArtifact(error: unknown, name: string): unknown {
  if (!(error instanceof HeadstartError) || (error.code !== 'E_REGISTRY' && error.code !== 'E_NOT_FOUND'))
    return error
  return new HeadstartError('E_ARTIFACT', `nothing can be attached to ${name}: ${messageOf(error)}`, {
    cause: error,
    hint: 'The registry refuses artifacts that refer to an image; images themselves are not affected',
  })
}
