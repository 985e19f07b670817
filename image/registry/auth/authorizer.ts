/**
 * Turns a registry's challenge into an `Authorization` header: Basic, or a bearer token that is fetched from its realm and kept until it is
 * about to expire.
 *
 * Source: distribution docs, "Token Authentication Specification" and "OAuth2 token authentication".
 */
import { monotonicMs } from '../../../system/clock.ts'
import type { Endpoint } from '../endpoint.ts'
import { type Challenge, chooseChallenge, parseChallenges, scopesBeyond } from './challenge.ts'
import type { Credentials } from './credentials.ts'
import { realmUrl, requestToken, type TokenAnswer, type TokenRequest, tokenRefusal } from './token.ts'

interface Token {
  readonly header: string
  /** on the monotonic clock, in ms */
  readonly expires: number
}

/** How long before it expires a token is no longer used. */
const MARGIN_MS = 10_000
/** How many scopes a registry may add to ours. */
const MAX_MORE_SCOPES = 10
/** Answers of servers that don't support OAuth2's POST, or don't know this refresh token. */
const WITHOUT_OAUTH = new Set([400, 401, 404, 405])

export class Authorizer {
  private readonly endpoint: Endpoint
  private readonly credentials: () => Promise<Credentials | undefined>
  private challenge: Challenge | undefined
  private readonly tokens = new Map<string, Promise<Token>>()
  /** scopes that the registry asked for in addition, by the scopes requested */
  private readonly more = new Map<string, string[]>()
  private refreshToken: string | undefined

  /** @param credentials called once, when the registry first asks for them */
  constructor(endpoint: Endpoint, credentials: () => Promise<Credentials | undefined>) {
    this.endpoint = endpoint
    let asked: Promise<Credentials | undefined> | undefined
    this.credentials = () => {
      asked ??= credentials()
      return asked
    }
  }

  /** The header for a request with these scopes; undefined before the registry has asked for one. */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    if (!this.challenge) return undefined
    const credentials = await this.credentials()
    if (isDirect(this.challenge, credentials)) return directHeader(credentials)
    const key = scopes.join(' ')
    const kept = await this.tokens.get(key)
    if (kept && kept.expires > monotonicMs() + MARGIN_MS) return kept.header
    return this.renew(this.challenge, scopes, signal)
  }

  /**
   * Takes the challenge in the answer to a request with the header `sent`.
   * @returns whether another try can help: not when everything that is known was sent already
   */
  async accept(
    header: string | readonly string[] | undefined,
    scopes: readonly string[],
    { sent, isFirst }: { readonly sent: string | undefined; readonly isFirst: boolean },
  ): Promise<boolean> {
    const challenge = chooseChallenge(parseChallenges(header))
    if (!challenge) return false
    this.challenge = challenge
    const key = scopes.join(' ')
    this.tokens.delete(key)
    const credentials = await this.credentials()
    if (isDirect(challenge, credentials)) {
      const known = directHeader(credentials)
      return known !== undefined && known !== sent
    }
    const more = this.more.get(key) ?? []
    const isMore = scopesBeyond(challenge, [...more, ...scopes]).slice(0, MAX_MORE_SCOPES - more.length)
    // Some servers only look at the first scope.
    this.more.set(key, [...isMore, ...more])
    return isFirst || sent === undefined || isMore.length > 0
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
    const realm = realmUrl(challenge.parameters.get('realm'), this.endpoint)
    const service = challenge.parameters.get('service')
    const wanted = [...(this.more.get(scopes.join(' ')) ?? []), ...scopes]
    const answer = await this.exchange(realm, service, wanted, signal)
    if (answer.refreshToken) this.refreshToken = answer.refreshToken
    return { header: `Bearer ${answer.token}`, expires: monotonicMs() + answer.life * 1000 }
  }

  /** A refresh token is sent by POST; GET is what all servers support. */
  private async exchange(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<TokenAnswer> {
    const credentials = await this.credentials()
    const identity = this.refreshToken ?? (credentials?.kind === 'identity' ? credentials.token : undefined)
    const get = { url: getQuery(realm, service, scopes), authorization: basic(credentials), signal }
    if (identity === undefined) return this.ask(get)
    const form = refreshForm(identity, service, scopes)
    const answer = await requestToken(this.endpoint, { url: realm, form, signal })
    if ('token' in answer) return answer
    if (!WITHOUT_OAUTH.has(answer.status))
      throw tokenRefusal(this.endpoint, realm.host, `answered ${answer.status}`)
    this.refreshToken = undefined
    return this.ask({ ...get, authorization: get.authorization ?? basicHeader('', identity) })
  }

  private async ask(request: TokenRequest): Promise<TokenAnswer> {
    const answer = await requestToken(this.endpoint, request)
    if ('token' in answer) return answer
    throw tokenRefusal(this.endpoint, request.url.host, `answered ${answer.status}`)
  }
}

const basicHeader = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** Whether the registry is shown what we have, without a token server. */
const isDirect = (challenge: Challenge, credentials: Credentials | undefined): boolean =>
  challenge.scheme === 'basic' || credentials?.kind === 'bearer'

const directHeader = (credentials: Credentials | undefined): string | undefined =>
  credentials?.kind === 'bearer' ? `Bearer ${credentials.token}` : basic(credentials)

function basic(credentials: Credentials | undefined): string | undefined {
  if (credentials?.kind !== 'password') return undefined
  return basicHeader(credentials.user, credentials.password)
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
