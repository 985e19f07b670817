/** Asks a registry for the first bytes of a blob, as lazy mounts do before anything else, and tells how it answered. */
import type { Descriptor, RangeAnswer } from '../types.ts'
import type { RegistryClient } from './client.ts'
import { headerOf } from './request.ts'

/** @throws HeadstartError the client's: any other status than 200 and 206 is one */
export async function askRange(
  client: RegistryClient,
  repository: string,
  { digest, size }: Descriptor,
  signal: AbortSignal | undefined,
): Promise<RangeAnswer> {
  const last = Math.max(0, Math.min(1, size - 1))
  const response = await client.request({
    method: 'GET',
    url: `/v2/${repository}/blobs/${digest}`,
    headers: { range: `bytes=0-${last}` },
    scopes: [`repository:${repository}:pull`],
    expected: [200, 206],
    signal,
  })
  await response.body.dump() // of a whole blob no more than a little
  const status = response.status === 206 ? 206 : 200
  return {
    status,
    isRight: status === 206 && headerOf(response, 'content-range') === `bytes 0-${last}/${size}`,
    redirects: response.redirects,
    host: response.url.host,
  }
}
