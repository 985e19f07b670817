/**
 * What refers to a manifest in a registry: from the registry's API for such lists, or from the tag that clients maintain where it has none.
 *
 * Source: OCI distribution-spec v1.1, "Listing Referrers", "Pushing Manifests with Subject", "Referrers Tag Schema".
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HeadstartError } from '../../system/errors.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { OCI_INDEX } from '../media-types.ts'
import {
  checkCount,
  entriesOf,
  isListed,
  NO_REFERRERS,
  parseReferrerList,
  type ReferrerList,
  withReferrer,
} from '../referrers/list.ts'
import type { Digest, Referrer } from '../types.ts'
import type { RegistryClient } from './client.ts'
import { nextPage } from './pages.ts'
import { discard, headerOf, type RegistryResponse } from './request.ts'

/** A repository of a registry, and what ends the requests to it. */
export interface Repository {
  readonly client: Pick<RegistryClient, 'host' | 'request' | 'document'>
  readonly repository: string
  readonly signal: AbortSignal | undefined
}

/** Answers of registries that keep no lists, or of what stands before them and doesn't know the path. */
export const NO_LISTS = [400, 403, 404, 405, 501] as const
const MAX_PAGES = 1000
/** Each loses only to another writer at the same moment. */
const MAX_WRITES = 10
/** At least this long after a write other writers have done theirs, if they read before it. */
const SETTLING_MS = 150

const fallbackTag = (subject: Digest): string => subject.replace(':', '-')

/** @throws HeadstartError E_ARTIFACT, and the client's */
export async function listReferrers(place: Repository, subject: Digest): Promise<readonly Referrer[]> {
  const where = `${place.client.host}/${place.repository}@${subject}`
  const found: Referrer[] = []
  let url: string | undefined = `/v2/${place.repository}/referrers/${subject}`
  for (let page = 0; url !== undefined && page < MAX_PAGES; page++) {
    const answer: Answer = await get(place, url, page === 0 ? NO_LISTS : [])
    if (page === 0 && !isList(answer)) return entriesOf((await readFallback(place, subject)).list, where)
    found.push(...entriesOf(parseReferrerList(answer.bytes, `of ${where}`), `of ${where}`))
    checkCount(found.length, where)
    url = nextPage(answer)
  }
  return found
}

type Answer = RegistryResponse & { readonly bytes: Buffer }

const get = ({ client, repository, signal }: Repository, url: string, also: readonly number[]) =>
  client.document(
    {
      method: 'GET',
      url,
      headers: { accept: OCI_INDEX },
      scopes: [`repository:${repository}:pull`],
      expected: [200, ...also],
      signal,
    },
    MAX_MANIFEST_BYTES,
  )

/** A server may answer anything it doesn't know with a page for people. */
const isList = (answer: RegistryResponse): boolean =>
  answer.status === 200 && headerOf(answer, 'content-type')?.split(';')[0]?.trim() === OCI_INDEX

interface Fallback {
  readonly list: ReferrerList
  /** of the list, where the registry says; undefined: there is none yet */
  readonly etag: string | undefined
  readonly exists: boolean
}

/** @throws HeadstartError E_ARTIFACT: the tag is something else */
async function readFallback(place: Repository, subject: Digest): Promise<Fallback> {
  const tag = fallbackTag(subject)
  const answer = await get(place, `/v2/${place.repository}/manifests/${tag}`, [404])
  if (answer.status === 404) return { list: NO_REFERRERS, etag: undefined, exists: false }
  const where = `${place.client.host}/${place.repository}:${tag}`
  if (!isList(answer))
    throw new HeadstartError('E_ARTIFACT', `${where} is not a list of referrers, although its tag says it is`)
  return { list: parseReferrerList(answer.bytes, where), etag: headerOf(answer, 'etag'), exists: true }
}

/**
 * Adds to the list that clients keep, for a registry that keeps none. Two clients may write at once, and most registries take both writes, of
 * which the last one stays: so it is read again once others are done, and written again if it lost.
 * @throws HeadstartError E_ARTIFACT, and the client's
 */
export async function addToFallback(place: Repository, referrer: Referrer, subject: Digest): Promise<void> {
  for (let writes = 0; ; writes++) {
    const started = performance.now()
    const before = await readFallback(place, subject)
    if (isListed(before.list, referrer.digest)) return
    if (writes === MAX_WRITES) break
    await writeFallback(place, subject, { ...before, list: withReferrer(before.list, referrer) })
    const took = performance.now() - started
    await sleep(SETTLING_MS + took * (1 + Math.random()), undefined, { signal: place.signal })
  }
  const where = `${place.client.host}/${place.repository}:${fallbackTag(subject)}`
  throw new HeadstartError('E_ARTIFACT', `other writers kept replacing the list of referrers ${where}`, {
    hint: 'Run the command again when they are done',
  })
}

/** 412: another writer was faster, and the registry noticed. */
async function writeFallback(place: Repository, subject: Digest, after: Fallback): Promise<void> {
  const { client, repository, signal } = place
  const bytes = Buffer.from(JSON.stringify(after.list))
  if (bytes.length > MAX_MANIFEST_BYTES)
    throw new HeadstartError('E_ARTIFACT', `too much is attached to ${repository}@${subject} for one list`)
  const condition: Record<string, string> = after.exists
    ? { ...(after.etag !== undefined && { 'if-match': after.etag }) }
    : { 'if-none-match': '*' }
  const response = await client.request({
    method: 'PUT',
    url: `/v2/${repository}/manifests/${fallbackTag(subject)}`,
    headers: { 'content-type': OCI_INDEX, ...condition },
    body: bytes,
    scopes: [`repository:${repository}:pull,push`],
    expected: [200, 201, 202, 204, 412],
    signal,
  })
  await discard(response)
}
