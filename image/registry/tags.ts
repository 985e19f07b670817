/**
 * What a registry has: its repositories, their tags, and what a tag names. Lists are bounded, whatever a registry sends, and names that no reference
 * could have are left out.
 *
 * Source: OCI distribution-spec v1.1, "Listing Tags", "Checking if content exists"; the Docker registry's API for `_catalog`.
 */
import { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'
import { jsonIf } from '../../system/text/json.ts'
import { digestOf, isDigest } from '../digest.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { MANIFEST_TYPES } from '../media-types.ts'
import { isRepository, isTag } from '../reference.ts'
import type { Digest } from '../types.ts'
import { nextPage } from './pages.ts'
import type { Repository } from './referrers.ts'
import { discard, headerOf, type RegistryResponse } from './request.ts'

/** Answers of registries that don't support HEAD of manifests, or tell less by it than by GET. */
export const NO_HEAD = [400, 403, 405, 501] as const

export interface Tagged {
  readonly digest: Digest
  /** of the manifest or index; '' where the registry doesn't say */
  readonly mediaType: string
}

/** One request, where the registry takes HEAD. @returns undefined: there is no such tag. @throws the client's */
export async function resolveTag(place: Repository, tag: string): Promise<Tagged | undefined> {
  const { client } = place
  const request = manifestRequest(place, tag)
  const head = await client.request({ ...request, method: 'HEAD', expected: [200, 404, ...NO_HEAD] })
  await discard(head)
  if (head.status === 404) return undefined
  const digest = headerOf(head, 'docker-content-digest')
  if (head.status === 200 && digest !== undefined && isDigest(digest))
    return { digest, mediaType: typeOf(head) }
  const answer = await client.document(
    { ...request, method: 'GET', expected: [200, 404] },
    MAX_MANIFEST_BYTES,
  )
  return answer.status === 404 ? undefined : { digest: digestOf(answer.bytes), mediaType: typeOf(answer) }
}

const manifestRequest = ({ repository, signal }: Repository, tag: string) => ({
  url: `/v2/${repository}/manifests/${tag}`,
  headers: { accept: MANIFEST_TYPES.join(', ') },
  scopes: [`repository:${repository}:pull`],
  signal,
})

const typeOf = (answer: RegistryResponse): string =>
  headerOf(answer, 'content-type')?.split(';')[0]?.trim() ?? ''

/** Of one page; registries may give fewer. */
const PAGE_NAMES = 1000
const MAX_PAGE_BYTES = 4 << 20
const MAX_PAGES = 1000
const MAX_NAMES = 200_000

const tagsSchema = z.object({ tags: z.array(z.string()).nullish() }).transform(({ tags }) => tags ?? [])
const catalogSchema = z
  .object({ repositories: z.array(z.string()).nullish() })
  .transform(({ repositories }) => repositories ?? [])

/** In the registry's order; none where there is no such repository. @throws HeadstartError E_REGISTRY: not such a list, or it doesn't end; the client's */
export const listTags = (place: Repository): Promise<string[]> =>
  namesOf(place.client, {
    url: `/v2/${place.repository}/tags/list?n=${PAGE_NAMES}`,
    scopes: [`repository:${place.repository}:pull`],
    what: `the list of tags of ${place.client.host}/${place.repository}`,
    schema: tagsSchema,
    isName: isTag,
    signal: place.signal,
  })

/** @throws HeadstartError E_REGISTRY: as `listTags`; E_UNAUTHORIZED, E_NOT_FOUND: it shows no catalog, to us or to anybody */
export const listRepositories = (
  client: Repository['client'],
  signal: AbortSignal | undefined,
): Promise<string[]> =>
  namesOf(client, {
    url: `/v2/_catalog?n=${PAGE_NAMES}`,
    scopes: ['registry:catalog:*'],
    what: `the catalog of ${client.host}`,
    schema: catalogSchema,
    isName: isRepository,
    signal,
  })

interface NameList {
  readonly url: string
  readonly scopes: readonly string[]
  /** for errors */
  readonly what: string
  readonly schema: z.ZodType<string[]>
  readonly isName: (text: string) => boolean
  readonly signal: AbortSignal | undefined
}

async function namesOf(client: Repository['client'], list: NameList): Promise<string[]> {
  const { scopes, schema, isName, signal, what } = list
  const names = new Set<string>()
  let url: string | undefined = list.url
  const seen = new Set<string>()
  const isTags = scopes[0]?.startsWith('repository:') ?? false
  for (let page = 0; url !== undefined; page++) {
    if (page === MAX_PAGES || seen.has(url)) throw endless(what)
    seen.add(url)
    const answer: RegistryResponse & { bytes: Buffer } = await client.document(
      { method: 'GET', url, scopes, expected: isTags ? [200, 404] : [200], signal },
      MAX_PAGE_BYTES,
    )
    if (answer.status === 404) break
    const found = jsonIf(answer.bytes.toString('utf8'), schema)
    if (found === undefined) throw new HeadstartError('E_REGISTRY', `${what} is not such a list`)
    for (const name of found) if (isName(name)) names.add(name)
    if (names.size > MAX_NAMES) throw endless(what)
    url = nextPage(answer)
  }
  return [...names]
}

const endless = (what: string): HeadstartError =>
  new HeadstartError(
    'E_REGISTRY',
    `${what} does not end: it has more than ${MAX_PAGES} pages or ${MAX_NAMES} names`,
  )
