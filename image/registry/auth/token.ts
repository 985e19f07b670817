/**
 * One request to a token server: where it may be sent, with which credentials, and what counts as a token.
 *
 * Source: distribution docs, "Token Authentication Specification" and "OAuth2 token authentication".
 */
import type { Dispatcher } from 'undici'
import { z } from 'zod'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { jsonIf } from '../../../system/text/json.ts'
import { readDocument } from '../document.ts'
import type { Endpoint } from '../endpoint.ts'
import { discard, exchange } from '../request.ts'

export interface TokenRequest {
  readonly url: URL
  readonly authorization?: string | undefined
  /** sent by POST if there is one */
  readonly form?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface TokenAnswer {
  readonly token: string
  /** seconds */
  readonly life: number
  readonly refreshToken: string | undefined
}

/** The server did not answer properly; a retry may help. */
export class TokenUnreachable extends Error {
  override readonly name = 'TokenUnreachable'
}

/** Bounds of `expires_in`, in seconds; the shortest is also the spec's default. */
const SHORTEST_S = 60
const LONGEST_S = 86_400
const MAX_TOKEN_BYTES = 1 << 20
const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Characters that a header can carry; absent, null and empty are the same. */
const tokenText = z
  .string()
  .regex(/^[\x21-\x7e]*$/)
  .nullish()
  .transform((text) => text || undefined)

/** Some servers send numbers as text, and other nonsense. */
const life = z
  .unknown()
  .optional()
  .transform((value) => {
    const seconds = typeof value === 'string' ? Number.parseFloat(value) : value
    if (typeof seconds !== 'number' || Number.isNaN(seconds)) return SHORTEST_S
    return Math.min(Math.max(seconds, SHORTEST_S), LONGEST_S)
  })

const tokenSchema = z.object({
  token: tokenText,
  access_token: tokenText,
  expires_in: life,
  // One that can't be used is ignored.
  refresh_token: z
    .string()
    .optional()
    .catch(undefined)
    .transform((text) => text || undefined),
})

/** A registry reached over TLS must not make us send its credentials in the clear. @throws HeadstartError E_UNAUTHORIZED */
export function realmUrl(text: string | undefined, endpoint: Pick<Endpoint, 'origin' | 'insecure'>): URL {
  const realm = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  if (!realm || !/^https?:$/.test(realm.protocol))
    throw new HeadstartError('E_UNAUTHORIZED', `${endpoint.origin} does not say where to ask for a token`)
  if (realm.protocol === 'http:' && endpoint.origin.startsWith('https:') && !endpoint.insecure)
    throw new HeadstartError('E_UNAUTHORIZED', `${endpoint.origin} asks for credentials over plain HTTP`)
  return realm
}

/**
 * @returns the token, or the status of an answer that has none
 * @throws TokenUnreachable; HeadstartError E_UNAUTHORIZED
 */
export async function requestToken(
  endpoint: Endpoint,
  request: TokenRequest,
): Promise<TokenAnswer | { readonly status: number }> {
  const { status, bytes } = await send(endpoint, request)
  const { host } = request.url
  if (status === 429 || status >= 500)
    throw new TokenUnreachable(`${host} answered ${status} to a request for a token`)
  if (status !== 200) return { status }
  // No parser's message, which could quote the token.
  const parsed = jsonIf(bytes.toString(), tokenSchema)
  const token = parsed?.token ?? parsed?.access_token
  if (!parsed || !token)
    throw tokenRefusal(endpoint, host, parsed ? 'answered without a token' : 'answered with an invalid token')
  return { token, life: parsed.expires_in, refreshToken: parsed.refresh_token }
}

export const tokenRefusal = (endpoint: Endpoint, host: string, why: string): HeadstartError =>
  new HeadstartError('E_UNAUTHORIZED', `${host} ${why} to a request for access to ${endpoint.origin}`, {
    hint: 'Log in with docker login, and make sure that the account may read (or write) the repository',
  })

async function send(endpoint: Endpoint, request: TokenRequest): Promise<{ status: number; bytes: Buffer }> {
  const { host } = request.url
  try {
    const response = await redirected(endpoint, request)
    const bytes = await readDocument(response, MAX_TOKEN_BYTES, {
      what: `the token of ${host}`,
      paceMs: endpoint.silenceMs,
    })
    return { status: response.statusCode, bytes }
  } catch (cause) {
    request.signal?.throwIfAborted()
    if (cause instanceof HeadstartError) throw cause
    throw new TokenUnreachable(`${host} returned no token: ${messageOf(cause)}`, { cause })
  }
}

/** Follows redirects as Go's clients do; credentials are only sent to the host that the registry named. */
async function redirected(endpoint: Endpoint, request: TokenRequest): Promise<Dispatcher.ResponseData> {
  const { form, authorization, signal } = request
  let { url } = request
  for (let hops = 0; ; hops++) {
    const response = await exchange(endpoint.agent, {
      origin: url.origin,
      path: url.pathname + url.search,
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        'user-agent': 'headstart',
        ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...(authorization && url.origin === request.url.origin && { authorization }),
      },
      ...(form !== undefined && { body: form }),
      signal,
    })
    const { location } = response.headers
    if (!REDIRECTS.has(response.statusCode) || typeof location !== 'string') return response
    const next = URL.canParse(location, url.href) ? new URL(location, url).href : undefined
    await discard(response)
    if (hops === MAX_REDIRECTS) throw tokenRefusal(endpoint, url.host, 'answered with too many redirects')
    const to = realmUrl(next, endpoint)
    // A form contains a secret, and only with these two statuses is it sent on as a form.
    if (form !== undefined && (to.origin !== url.origin || response.statusCode < 307))
      throw tokenRefusal(endpoint, url.host, `answered with a redirect to ${to.host}`)
    url = to
  }
}
