/**
 * The `WWW-Authenticate` header: what a registry wants to see. Pure.
 * Source: RFC 9110 section 11.3 to 11.6, distribution spec "Token Authentication".
 */
export interface Challenge {
  /** lower case: `basic`, `bearer` */
  readonly scheme: string
  /** names in lower case */
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const PARAMETER = new RegExp(`^\\s*(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))\\s*(?:,|$)`)
const SCHEME = new RegExp(`^[\\s,]*(${TOKEN})(?:\\s+|,|$)`)

/** Several challenges may stand in one header, or in several. What can't be read is left out. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  if (header === undefined) return []
  return (typeof header === 'string' ? [header] : header).flatMap(parseHeader)
}

function parseHeader(header: string): Challenge[] {
  const challenges: Challenge[] = []
  let rest = header.slice(0, 16_384)
  for (let match = SCHEME.exec(rest); match?.[1] !== undefined; match = SCHEME.exec(rest)) {
    rest = rest.slice(match[0].length)
    const parameters = new Map<string, string>()
    for (let found = PARAMETER.exec(rest); found?.[1] !== undefined; found = PARAMETER.exec(rest)) {
      parameters.set(found[1].toLowerCase(), found[2]?.replace(/\\(.)/g, '$1') ?? found[3] ?? '')
      rest = rest.slice(found[0].length)
    }
    challenges.push({ scheme: match[1].toLowerCase(), parameters })
  }
  return challenges
}
