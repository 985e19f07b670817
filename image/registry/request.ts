/** What is sent to a registry, and what comes back. */
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** a path, or an absolute URL that the registry gave */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** a function: called for a fresh stream at each attempt */
  readonly body?: Buffer | (() => Promise<Readable>)
  /** what a token must allow, e.g. `repository:app:pull` */
  readonly scopes: readonly string[]
  readonly expected: readonly number[]
  readonly signal?: AbortSignal | undefined
  /** in all; the default is `MAX_ATTEMPTS` */
  readonly attempts?: number
}

export interface RegistryResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** must be read or dumped */
  readonly body: Dispatcher.ResponseData['body']
  /** where the answer came from, after redirects */
  readonly url: URL
  /** that were followed to get there */
  readonly redirects: number
}

export const headerOf = (
  { headers }: Pick<RegistryResponse, 'headers'>,
  name: string,
): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
