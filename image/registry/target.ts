/** An image in a registry as a target. The manifest under the tag is put last, so an image is complete or not there at all. */

import { HeadstartError } from '../../system/errors.ts'
import { digestOf, isDigest } from '../digest.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { MANIFEST_TYPES } from '../media-types.ts'
import { formatReference, type Reference } from '../reference.ts'
import type { Blob, Descriptor, Digest, ImageTarget } from '../types.ts'
import { RegistryClient } from './client.ts'
import { discard, headerOf } from './request.ts'
import type { RegistryOptions } from './source.ts'
import { Uploader } from './upload.ts'

/** Answers of registries that don't support HEAD of manifests, or tell less by it than by GET. */
const NO_HEAD = [400, 403, 405, 501] as const

/** @throws HeadstartError E_TARGET: the reference names a digest */
export async function registryTarget(
  reference: Reference,
  options: RegistryOptions & { readonly chunkBytes?: number | undefined },
): Promise<ImageTarget> {
  const name = `docker://${formatReference(reference)}`
  if (reference.digest) throw new HeadstartError('E_TARGET', `${name} names a digest; a target takes a tag`)
  const { host, repository, tag = 'latest' } = reference
  const client = await RegistryClient.connect(host, repository, options)
  const uploader = new Uploader(client, repository, options.chunkBytes)
  const scopes = [`repository:${repository}:pull,push`]
  const { signal } = options
  const confirm = async (url: URL, digest: Digest) => {
    const headers = { accept: MANIFEST_TYPES.join(', ') }
    const request = { method: 'GET', url: url.href, headers, scopes, expected: [200, 404], signal } as const
    const { status, bytes } = await client.document(request, MAX_MANIFEST_BYTES)
    if (status === 200 && digestOf(bytes) === digest) return
    throw new HeadstartError(
      'E_REGISTRY',
      `${client.host} accepted ${name} without an error but doesn't have it`,
    )
  }
  return {
    name,
    async prepare({ force }) {
      if (force) return
      const request = {
        url: `/v2/${repository}/manifests/${tag}`,
        headers: { accept: MANIFEST_TYPES.join(', ') },
        scopes,
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
        throw new HeadstartError('E_TARGET_EXISTS', `${name} exists already`, {
          hint: 'Choose another tag, or replace it with --force',
        })
    },
    putBlob: (blob: Blob, given?: AbortSignal) =>
      uploader.put(blob, given && signal ? AbortSignal.any([given, signal]) : (given ?? signal)),
    async putManifest(bytes, mediaType, { tagged }): Promise<Descriptor> {
      const digest = digestOf(bytes)
      const response = await client.request({
        method: 'PUT',
        url: `/v2/${repository}/manifests/${tagged ? tag : digest}`,
        headers: { 'content-type': mediaType },
        body: Buffer.from(bytes),
        scopes,
        expected: [200, 201, 202, 204],
        signal,
      })
      await discard(response)
      const stored = headerOf(response, 'docker-content-digest')
      if (stored !== undefined && isDigest(stored) && stored !== digest)
        throw new HeadstartError('E_REGISTRY', `${name} was stored as ${stored}; we sent ${digest}`)
      // A server that answers 200 to everything is not a registry, and has stored nothing.
      if (response.status !== 201 && stored !== digest) await confirm(response.url, digest)
      return { mediaType, digest, size: bytes.length }
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  }
}
