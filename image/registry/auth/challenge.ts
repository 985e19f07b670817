/**
 * The `WWW-Authenticate` header: the authentication that a registry asks for. Pure.
 * Source: RFC 9110 section 11.3 to 11.6, distribution spec "Token Authentication".
 */
export interface Challenge {
  /** lower case: `basic`, `bearer` */
  readonly scheme: string
  /** names in lower case */
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const QUOTED = '"((?:[^"\\\\]|\\\\.)*)"'
/** Values without quotes may contain characters that need them, as in `realm=https://…`. */
const PARAMETER = new RegExp(`^\\s*(${TOKEN})\\s*=\\s*(?:${QUOTED}|([^\\s",]+))\\s*(?:,|$)`)
const SCHEME = new RegExp(`^[\\s,]*(${TOKEN})(?:\\s+|,|$)`)
/** What `NTLM` and `Negotiate` have instead of parameters. */
const TOKEN68 = /^[\w.~+/-]+=*\s*(?:,|$)/
const UNREADABLE = new RegExp(`^(?:${QUOTED}|[^",])*,`)

/** One header may hold several challenges, and there may be several headers. What can't be parsed is left out. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  if (header === undefined) return []
  return (typeof header === 'string' ? [header] : header).flatMap(parseHeader)
}

/** A token server is preferred to sending the password itself, unless the challenge doesn't name one. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  const bearers = challenges.filter(({ scheme }) => scheme === 'bearer')
  return (
    bearers.find(({ parameters }) => parameters.has('realm')) ??
    challenges.find(({ scheme }) => scheme === 'basic') ??
    bearers[0]
  )
}

/** Whether a token is valid, but not for this request. */
export const lacksScope = (header: string | readonly string[] | undefined): boolean =>
  parseChallenges(header).some(({ parameters }) => parameters.get('error') === 'insufficient_scope')

/** Scopes that a challenge names and `wanted` doesn't cover. */
export function scopesBeyond(challenge: Challenge, wanted: readonly string[]): string[] {
  const named = (challenge.parameters.get('scope') ?? '').split(/\s+/).filter(Boolean)
  return named.filter((scope) => !wanted.some((own) => covers(own, scope)))
}

function covers(own: string, scope: string): boolean {
  const [resource, actions] = splitScope(own)
  const [other, needed] = splitScope(scope)
  return resource === other && needed.every((action) => actions.includes(action))
}

function splitScope(scope: string): [string, string[]] {
  const colon = scope.lastIndexOf(':')
  return [scope.slice(0, colon + 1), scope.slice(colon + 1).split(',')]
}

function parseHeader(header: string): Challenge[] {
  const challenges: Challenge[] = []
  let rest = header.slice(0, 16_384)
  while (rest !== '') {
    const scheme = SCHEME.exec(rest)
    if (scheme?.[1] === undefined) {
      const skipped = UNREADABLE.exec(rest)
      if (!skipped) break
      rest = rest.slice(skipped[0].length)
      continue
    }
    rest = rest.slice(scheme[0].length)
    rest = /\s$/.test(scheme[0]) ? rest.replace(TOKEN68, '') : rest
    const parameters = new Map<string, string>()
    for (let found = PARAMETER.exec(rest); found?.[1] !== undefined; found = PARAMETER.exec(rest)) {
      parameters.set(found[1].toLowerCase(), found[2]?.replace(/\\(.)/g, '$1') ?? found[3] ?? '')
      rest = rest.slice(found[0].length)
    }
    challenges.push({ scheme: scheme[1].toLowerCase(), parameters })
  }
  return challenges
}
