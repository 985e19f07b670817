/** An image in a registry as a source. */
import { Readable } from 'node:stream'
import { HeadstartError } from '../../system/errors.ts'
import { digestOf, isDigest } from '../digest.ts'
import { type BlobKeeper, keeping } from '../kept-blobs.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { isIndexType, isManifestType, MANIFEST_TYPES } from '../media-types.ts'
import { formatReference, type Reference } from '../reference.ts'
import { type BlobStore, type RawDocument, sourceFromStore } from '../source-from-store.ts'
import type { Descriptor, ImageSource } from '../types.ts'
import { RegistryClient } from './client.ts'
import { Downloader } from './download.ts'
import type { EndpointOptions } from './endpoint.ts'
import { askRange } from './range.ts'
import { listReferrers, NO_LISTS } from './referrers.ts'
import { headerOf, type RegistryResponse } from './request.ts'
import { resolveTag } from './tags.ts'

export type RegistryOptions = EndpointOptions & {
  readonly signal?: AbortSignal | undefined
  readonly keeper?: BlobKeeper | undefined
}

/** Nothing is requested before the source is used, except whether a registry on the loopback uses TLS. */
export async function openRegistrySource(
  reference: Reference,
  options: RegistryOptions,
): Promise<ImageSource> {
  const client = await RegistryClient.connect(reference.host, reference.repository, options)
  const store = registryStore(client, reference, options.signal)
  return sourceFromStore(options.keeper ? keeping(store, options.keeper) : store)
}

function registryStore(
  client: RegistryClient,
  reference: Reference,
  signal: AbortSignal | undefined,
): BlobStore {
  const { host, repository, tag } = reference
  const name = `docker://${formatReference(reference)}`
  const downloader = new Downloader(client, repository)
  return {
    name,
    origin: { host, repository },
    root: () => fetchRoot(client, reference, signal),
    askRange: (descriptor, given) => askRange(client, repository, descriptor, eitherOf(given, signal)),
    open: async (descriptor, range, given) => {
      const either = eitherOf(given, signal)
      // To a registry, the manifests of an index are not blobs.
      if (!isIndexType(descriptor.mediaType) && !isManifestType(descriptor.mediaType))
        return downloader.open(descriptor, range, either)
      const { bytes } = await fetchManifest(client, repository, descriptor.digest, either)
      return Readable.from([bytes], { objectMode: false })
    },
    // It is found by tag alone, so by digest alone it isn't.
    ...(tag !== undefined && {
      current: async (given?: AbortSignal) =>
        (await resolveTag({ client, repository, signal: eitherOf(given, signal) }, tag))?.digest,
      beside: (suffix: string) =>
        registryStore(client, { host, repository, tag: `${tag}${suffix}`, digest: undefined }, signal),
    }),
    referrers: (subject, given) =>
      listReferrers({ client, repository, signal: eitherOf(given, signal) }, subject),
    tagged: (other, given) => findTagged(client, repository, other, eitherOf(given, signal)),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  }
}

const eitherOf = (a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined =>
  a && b ? AbortSignal.any([a, b]) : (a ?? b)

async function fetchRoot(
  client: RegistryClient,
  { repository, tag, digest }: Reference,
  signal: AbortSignal | undefined,
): Promise<RawDocument> {
  const response = await fetchManifest(client, repository, digest ?? tag ?? 'latest', signal)
  const { bytes } = response
  const stated = headerOf(response, 'docker-content-digest')
  const expected = digest ?? (stated !== undefined && isDigest(stated) ? stated : digestOf(bytes))
  const mediaType = mediaTypeOf(response)
  return { descriptor: { mediaType, digest: expected, size: bytes.length }, bytes }
}

/** Whatever is not a clear yes is a no: a registry may have no right to give, or a page for people. */
async function findTagged(
  client: RegistryClient,
  repository: string,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor | undefined> {
  const response = await client.document(
    manifestRequest(repository, tag, [200, ...NO_LISTS], signal),
    MAX_MANIFEST_BYTES,
  )
  const mediaType = mediaTypeOf(response)
  if (response.status !== 200 || !(isIndexType(mediaType) || isManifestType(mediaType))) return undefined
  return { mediaType, digest: digestOf(response.bytes), size: response.bytes.length }
}

const mediaTypeOf = (response: RegistryResponse): string =>
  headerOf(response, 'content-type')?.split(';')[0]?.trim() ?? ''

const manifestRequest = (
  repository: string,
  reference: string,
  expected: readonly number[],
  signal: AbortSignal | undefined,
) =>
  ({
    method: 'GET',
    url: `/v2/${repository}/manifests/${reference}`,
    headers: { accept: MANIFEST_TYPES.join(', ') },
    scopes: [`repository:${repository}:pull`],
    expected,
    signal,
  }) as const

async function fetchManifest(
  client: RegistryClient,
  repository: string,
  reference: string,
  signal: AbortSignal | undefined,
): Promise<RegistryResponse & { bytes: Buffer }> {
  try {
    return await client.document(manifestRequest(repository, reference, [200], signal), MAX_MANIFEST_BYTES)
  } catch (error) {
    if (!(error instanceof HeadstartError) || error.code !== 'E_NOT_FOUND') throw error
    const name = `${repository}${isDigest(reference) ? '@' : ':'}${reference}`
    throw new HeadstartError('E_IMAGE_NOT_FOUND', `${client.host} has no image ${name}`, { cause: error })
  }
}
