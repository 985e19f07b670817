/** What is sent to a registry, and what comes back: one exchange, which ends even if the server never stops sending. */
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { HeadstartError } from '../../system/errors.ts'

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
  /** An attempt failed, and another follows: the registry may still be at the first. */
  readonly onRetry?: () => void
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

/** Answers that announce another (100 to 199), one of which starts the wait for it again. */
const MAX_ANNOUNCEMENTS = 20

/** What undici does, for all requests to registries and token servers. @throws HeadstartError E_REGISTRY, and what undici throws */
export async function exchange(
  agent: Dispatcher,
  {
    signal,
    ...request
  }: Omit<Dispatcher.RequestOptions, 'signal'> & { readonly signal?: AbortSignal | undefined },
): Promise<Dispatcher.ResponseData> {
  const endless = new AbortController()
  let announcements = 0
  const onInfo = () => {
    if (++announcements > MAX_ANNOUNCEMENTS)
      endless.abort(
        new HeadstartError(
          'E_REGISTRY',
          `${request.origin} keeps sending interim responses, but no final one`,
        ),
      )
  }
  return agent.request({
    ...request,
    onInfo,
    signal: signal ? AbortSignal.any([signal, endless.signal]) : endless.signal,
  })
}

const LEFT_BYTES = 16 << 10
const LEFT_MS = 2000

/** Reads what is left of an answer, so that its connection can be used again; if that is more than a little, closes the connection. */
export const discard = ({ body }: Pick<Dispatcher.ResponseData, 'body'>): Promise<void> =>
  body.dump({ limit: LEFT_BYTES, signal: AbortSignal.timeout(LEFT_MS) }).catch(() => {})
