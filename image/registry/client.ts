/**
 * Requests to one registry: authorised, redirected, and retried if that can help. A response has one of the statuses that the caller
 * expects; everything else is a `HeadstartError`.
 *
 * Source: OCI distribution-spec v1.1.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { Authorizer } from './auth/authorizer.ts'
import { lacksScope } from './auth/challenge.ts'
import { findCredentials } from './auth/credentials.ts'
import { readDocument } from './document.ts'
import { type Endpoint, type EndpointOptions, findEndpoint } from './endpoint.ts'
import { isRefusal, isTransient, refused, unreachable } from './faults.ts'
import { discard, exchange, headerOf, type RegistryRequest, type RegistryResponse } from './request.ts'
import { isRetried, MAX_ATTEMPTS, retryAfterMs, waitMs } from './retry.ts'

const MAX_REDIRECTS = 10
/** One without credentials, one with them, and one with a scope that only the second answer named. */
const MAX_INTRODUCTIONS = 3
/** A registry may copy a blob of many GB into place before it answers the request that ends an upload. */
const FILING_MS = 900_000
/** If nothing listens: enough for a registry that restarts, and no long wait after a mistyped port. */
const REFUSED_ATTEMPTS = 3
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** With these a request keeps its method and body. */
const KEPT_REDIRECTS = new Set([307, 308])

export class RegistryClient implements AsyncDisposable {
  readonly host: string
  private readonly endpoint: Endpoint
  private readonly authorizer: Authorizer

  /** how long the server may be silent, in ms */
  get silenceMs(): number {
    return this.endpoint.silenceMs
  }

  private constructor(host: string, endpoint: Endpoint, authorizer: Authorizer) {
    this.host = host
    this.endpoint = endpoint
    this.authorizer = authorizer
  }

  /** @throws HeadstartError E_CA_FILE */
  static async connect(
    host: string,
    repository: string,
    options: EndpointOptions & { signal?: AbortSignal | undefined },
  ): Promise<RegistryClient> {
    const endpoint = await findEndpoint(host, options, options.signal)
    const authorizer = new Authorizer(endpoint, () => findCredentials(host, repository))
    return new RegistryClient(host, endpoint, authorizer)
  }

  /** For another repository, with the login that is kept for that one; its connections are these, and are closed with this client. */
  forRepository(repository: string): Pick<RegistryClient, 'host' | 'request' | 'document'> {
    const authorizer = new Authorizer(this.endpoint, () => findCredentials(this.host, repository))
    return new RegistryClient(this.host, this.endpoint, authorizer)
  }

  /** @throws HeadstartError E_UNAUTHORIZED, E_NOT_FOUND (404), E_REGISTRY, E_REGISTRY_UNREACHABLE */
  request(request: RegistryRequest): Promise<RegistryResponse> {
    return this.retried(request, async (response) => response)
  }

  /** A small document, read whole; a connection that is lost in it is a failed attempt too. @throws HeadstartError E_TOO_LARGE and as above */
  document(request: RegistryRequest, limit: number): Promise<RegistryResponse & { bytes: Buffer }> {
    return this.retried(request, async (response) => ({
      ...response,
      bytes: await readDocument(response, limit, {
        what: `an answer of ${response.url.host}`,
        paceMs: this.endpoint.silenceMs,
      }),
    }))
  }

  private async retried<T>(
    request: RegistryRequest,
    take: (response: RegistryResponse) => Promise<T>,
  ): Promise<T> {
    let attempts = request.attempts ?? MAX_ATTEMPTS
    for (let attempt = 1; ; attempt++) {
      request.signal?.throwIfAborted()
      let fault: HeadstartError
      let asked: number | undefined
      try {
        const response = await this.authorised(request)
        if (request.expected.includes(response.status)) return await take(response)
        fault = await refused(request.method, response, this.endpoint.silenceMs)
        if (!isRetried(response.status)) throw fault
        asked = retryAfterMs(headerOf(response, 'retry-after'), Date.now())
      } catch (error) {
        request.signal?.throwIfAborted()
        if (!isTransient(error))
          throw error instanceof HeadstartError ? error : unreachable(this.endpoint.origin, error)
        fault = unreachable(this.endpoint.origin, error)
        if (isRefusal(error)) attempts = Math.min(attempts, REFUSED_ATTEMPTS)
      }
      const wait = attempt < attempts ? waitMs(attempt, asked, Math.random()) : undefined
      if (wait === undefined) throw fault
      request.onRetry?.()
      await sleep(wait, undefined, { signal: request.signal })
    }
  }

  /** One attempt; challenges are answered, but not endlessly. */
  private async authorised(request: RegistryRequest): Promise<RegistryResponse> {
    const { scopes, signal } = request
    for (let turn = 1; ; turn++) {
      const sent = await this.authorizer.header(scopes, signal)
      const response = await this.redirected(request, sent)
      if (turn === MAX_INTRODUCTIONS || !this.isChallenge(response)) return response
      const header = await this.challengeOf(response, signal)
      if (!(await this.authorizer.accept(header, scopes, { sent, isFirst: turn === 1 }))) return response
      await discard(response)
    }
  }

  private isChallenge({ status, url, headers }: RegistryResponse): boolean {
    if (url.origin !== this.endpoint.origin) return false
    return status === 401 || (status === 403 && lacksScope(headers['www-authenticate']))
  }

  /** Some registries send a challenge only in response to this request. */
  private async challengeOf({ headers }: RegistryResponse, signal: AbortSignal | undefined) {
    const header = headers['www-authenticate']
    if (header !== undefined) return header
    const response = await this.redirected(
      { method: 'GET', url: '/v2/', scopes: [], expected: [], signal },
      undefined,
    )
    await discard(response)
    return response.status === 401 && response.url.origin === this.endpoint.origin
      ? response.headers['www-authenticate']
      : undefined
  }

  /** Follows redirects that keep the request's meaning; credentials are only sent to the registry's own host. */
  private async redirected(
    request: RegistryRequest,
    authorization: string | undefined,
  ): Promise<RegistryResponse> {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    let url = this.resolve(request.url, this.endpoint.origin)
    for (let hops = 0; ; hops++) {
      const isOurs = url.origin === this.endpoint.origin
      const answer = await this.send(request, url, isOurs ? authorization : undefined)
      const response = { ...answer, redirects: hops }
      const location = headerOf(response, 'location')
      if (!(isRead ? REDIRECTS : KEPT_REDIRECTS).has(response.status) || location === undefined)
        return response
      await discard(response)
      if (hops === MAX_REDIRECTS)
        throw new HeadstartError(
          'E_REGISTRY',
          `${this.endpoint.origin} redirected more than ${MAX_REDIRECTS} times`,
        )
      url = this.resolve(location, url.href)
    }
  }

  private resolve(text: string, base: string): URL {
    const url = URL.canParse(text, base) ? new URL(text, base) : undefined
    if (!url || !/^https?:$/.test(url.protocol))
      throw new HeadstartError('E_REGISTRY', `${this.endpoint.origin} redirected to an invalid URL`)
    if (url.protocol === 'http:' && this.endpoint.origin.startsWith('https:') && !this.endpoint.insecure)
      throw new HeadstartError(
        'E_REGISTRY',
        `${this.endpoint.origin} redirected to plain HTTP at ${url.host}`,
        {
          hint: 'Allow it with --insecure, if you trust the network',
        },
      )
    return url
  }

  private async send(
    request: RegistryRequest,
    url: URL,
    authorization: string | undefined,
  ): Promise<Omit<RegistryResponse, 'redirects'>> {
    const body = typeof request.body === 'function' ? await request.body() : request.body
    try {
      const {
        statusCode,
        headers,
        body: answer,
      } = await exchange(this.endpoint.agent, {
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method,
        ...(request.method === 'PUT' && { headersTimeout: FILING_MS }),
        headers: { 'user-agent': 'headstart', ...request.headers, ...(authorization && { authorization }) },
        ...(body !== undefined && { body }),
        signal: request.signal,
      })
      return { status: statusCode, headers, body: answer, url }
    } catch (error) {
      // undici doesn't destroy a body that it never sent.
      if (body && !Buffer.isBuffer(body)) body.destroy()
      throw error
    }
  }

  /** Closes all connections, including those in use. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.endpoint.agent.destroy().catch((error: unknown) => {
      throw new HeadstartError('E_REGISTRY', `closing the connections failed: ${messageOf(error)}`)
    })
  }
}
