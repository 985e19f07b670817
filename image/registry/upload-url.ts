/** What a registry says of an upload: where it goes on, and how far it got. Pure. */
import { HeadstartError } from '../../system/errors.ts'
import { headerOf, type RegistryResponse } from './request.ts'

/** @param kept where the last request went, which stays valid if the response names no other URL */
export function uploadUrl(response: Pick<RegistryResponse, 'url' | 'headers'>, kept?: string): string {
  const text = headerOf(response, 'location') ?? kept
  if (text === undefined || !URL.canParse(text, response.url.href))
    throw new HeadstartError('E_REGISTRY', `${response.url.host} returned no valid URL to upload to`)
  return new URL(text, response.url).href
}

/**
 * @param range the header of that name: `0-LAST`
 * @returns undefined: it says nothing, or something impossible
 */
export function bytesReceived(range: string | undefined, size: number): number | undefined {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(range ?? '')?.[1]
  if (last === undefined) return undefined
  // By the spec `0-0` is one byte, but registries send it for none.
  const at = last === '0' ? 0 : Number(last) + 1
  return at > size ? undefined : at
}

export function withDigest(location: string, digest: string): string {
  const url = new URL(location)
  url.searchParams.set('digest', digest)
  return url.href
}
