/**
 * Turns a registry's challenge into an `Authorization` header: Basic, or a bearer token fetched from its realm and kept until it is
 * about to expire.
 *
 * Source: distribution docs, "Token Authentication Specification" and "OAuth2 token authentication".
 */
import { z } from 'zod'
import { readBounded } from '../digest.ts'
import { HeadstartError, messageOf } from '../errors.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import type { Credentials } from './credentials.ts'
import type { Endpoint } from './endpoint.ts'

interface Token {
  readonly header: string
  /** ms since 1970 */
  readonly expires: number
}

const tokenSchema = z
  .object({
    token: z.string().optional(),
    access_token: z.string().optional(),
    expires_in: z.number().optional(),
    refresh_token: z.string().optional(),
  })
  .transform((value) => ({ ...value, token: value.token || value.access_token || undefined }))

/** The spec's default, for answers without `expires_in`, and how long before its end a token is no longer used. */
const DEFAULT_LIFE_S = 60
const MARGIN_MS = 10_000

export class Authorizer {
  private readonly endpoint: Endpoint
  private readonly credentials: () => Promise<Credentials | undefined>
  private challenge: Challenge | undefined
  private readonly tokens = new Map<string, Promise<Token>>()
  private refreshToken: string | undefined

  /** @param credentials asked for once, when the registry first wants to know who we are */
  constructor(endpoint: Endpoint, credentials: () => Promise<Credentials | undefined>) {
    this.endpoint = endpoint
    let asked: Promise<Credentials | undefined> | undefined
    this.credentials = () => {
      asked ??= credentials()
      return asked
    }
  }

  /** The header for a request of `scopes`; undefined before a registry asked for one. */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    if (!this.challenge) return undefined
    if (this.challenge.scheme === 'basic') return basic(await this.credentials())
    const key = scopes.join(' ')
    const kept = await this.tokens.get(key)
    if (kept && kept.expires > Date.now() + MARGIN_MS) return kept.header
    return this.renew(this.challenge, scopes, signal)
  }

  /**
   * Takes a 401's challenge. @returns whether another try can help: not when nothing is known that wasn't sent
   */
  async accept(
    header: string | readonly string[] | undefined,
    scopes: readonly string[],
    sent: string | undefined,
  ) {
    const challenges = parseChallenges(header)
    const challenge =
      challenges.find(({ scheme }) => scheme === 'bearer') ??
      challenges.find(({ scheme }) => scheme === 'basic')
    if (!challenge) return false
    this.challenge = challenge
    this.tokens.delete(scopes.join(' '))
    if (challenge.scheme === 'bearer') return true
    const header_ = basic(await this.credentials())
    return header_ !== undefined && header_ !== sent
  }

  private async renew(challenge: Challenge, scopes: readonly string[], signal: AbortSignal | undefined) {
    const key = scopes.join(' ')
    const pending = this.fetchToken(challenge, scopes, signal)
    this.tokens.set(key, pending)
    try {
      return (await pending).header
    } catch (error) {
      this.tokens.delete(key)
      throw error
    }
  }

  private async fetchToken(
    challenge: Challenge,
    scopes: readonly string[],
    signal?: AbortSignal,
  ): Promise<Token> {
    const realm = this.realm(challenge)
    const credentials = await this.credentials()
    const service = challenge.parameters.get('service')
    const wanted = scopes.length > 0 ? scopes : [challenge.parameters.get('scope') ?? ''].filter(Boolean)
    const identity = this.refreshToken ?? (credentials?.kind === 'identity' ? credentials.token : undefined)
    const answer =
      identity === undefined
        ? await this.ask(
            getQuery(realm, service, wanted),
            { authorization: basic(credentials) },
            undefined,
            signal,
          )
        : await this.ask(realm, { 'content-type': FORM }, refreshForm(identity, service, wanted), signal)
    if (answer.refresh_token) this.refreshToken = answer.refresh_token
    if (!answer.token) throw this.refusal(realm, 'gave no token')
    const life = Math.max(answer.expires_in ?? DEFAULT_LIFE_S, DEFAULT_LIFE_S) * 1000
    return { header: `Bearer ${answer.token}`, expires: Date.now() + life }
  }

  /** A registry reached over TLS must not make us send its credentials in the clear. */
  private realm(challenge: Challenge): URL {
    const text = challenge.parameters.get('realm')
    const realm = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
    if (!realm || !/^https?:$/.test(realm.protocol))
      throw new HeadstartError('E_UNAUTHORIZED', `${this.endpoint.origin} names no realm to ask for a token`)
    if (realm.protocol === 'http:' && this.endpoint.origin.startsWith('https:') && !this.endpoint.insecure)
      throw new HeadstartError(
        'E_UNAUTHORIZED',
        `${this.endpoint.origin} asks for credentials over plain HTTP`,
      )
    return realm
  }

  private async ask(
    url: URL,
    headers: Record<string, string | undefined>,
    body: string | undefined,
    signal: AbortSignal | undefined,
  ) {
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
    const method = body === undefined ? 'GET' : 'POST'
    let status: number
    let bytes: Buffer
    try {
      const response = await this.endpoint.agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: sent,
        ...(body !== undefined && { body }),
        ...(signal && { signal }),
      })
      status = response.statusCode
      bytes = await readBounded(response.body, 1 << 20, `the token of ${url.host}`)
    } catch (cause) {
      signal?.throwIfAborted()
      throw new TokenUnreachable(`${url.host} gave no token: ${messageOf(cause)}`, { cause })
    }
    if (status === 429 || status >= 500)
      throw new TokenUnreachable(`${url.host} answered ${status} to a request for a token`)
    if (status !== 200) throw this.refusal(url, `answered ${status}`)
    try {
      return tokenSchema.parse(JSON.parse(bytes.toString()))
    } catch {
      throw this.refusal(url, 'gave an answer that is no token')
    }
  }

  private refusal(realm: URL, why: string): HeadstartError {
    return new HeadstartError(
      'E_UNAUTHORIZED',
      `${realm.host} ${why} to a request for access to ${this.endpoint.origin}`,
      {
        hint: 'Log in with docker login, and see that the account may read (or write) the repository',
      },
    )
  }
}

/** The token server did not answer properly; asking again may help. */
export class TokenUnreachable extends Error {
  override readonly name = 'TokenUnreachable'
}

const FORM = 'application/x-www-form-urlencoded'

function basic(credentials: Credentials | undefined): string | undefined {
  if (credentials?.kind !== 'password') return undefined
  return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`
}

function getQuery(realm: URL, service: string | undefined, scopes: readonly string[]): URL {
  const url = new URL(realm)
  if (service) url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  return url
}

function refreshForm(token: string, service: string | undefined, scopes: readonly string[]): string {
  return new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: token,
    service: service ?? '',
    client_id: 'headstart',
    scope: scopes.join(' '),
  }).toString()
}
