/** Keeps passwords and tokens out of what is printed and written down. Pure. */

/** Names of variables and flags whose values are secret. */
const SECRET_NAME = /pass|secret|token|key|cred|auth/i

const HIDDEN = '***'

export const isSecretName = (name: string): boolean => SECRET_NAME.test(name)

/** A URL may contain a password, and a token in its query: both are removed from all URLs in a text. */
export const withoutUrlSecrets = (text: string): string =>
  text.replace(
    /([a-z][a-z\d+.-]{0,30}:\/\/)([^\s/?#'"]*@)?([^\s?#'"]*)(\?[^\s#'"]*)?/gi,
    (_, scheme: string, user = '', rest = '', query = '') =>
      `${scheme}${user === '' ? '' : `${HIDDEN}@`}${rest}${query === '' ? '' : `?${HIDDEN}`}`,
  )

/** `--password=x`, `API_TOKEN=x`, in an argument of its own or in a script. */
const ASSIGNED = /([\w-]{1,100}=)("[^"]*"|'[^']*'|[^\s"'&;]+)/g

/**
 * A command line for others to read, without the values of what is named like a secret (`--token=x`, `--token x`, `TOKEN=x`), and without
 * what URLs hold. A secret without a telling name can't be recognized.
 */
export const withoutSecrets = (args: readonly string[]): string[] =>
  args.map((arg, index) => {
    const flag = args[index - 1] ?? ''
    if (/^--?[\w-]+$/.test(flag) && isSecretName(flag) && !arg.startsWith('-')) return HIDDEN
    return withoutUrlSecrets(arg).replace(ASSIGNED, (whole, name: string) =>
      isSecretName(name) ? `${name}${HIDDEN}` : whole,
    )
  })

/** Shorter values are not secrets, and would hide half of a text. */
const MIN_SECRET = 4

/** A text without these values, as they are, line by line, or written as JSON, in a URL or in base64. */
export function hide(text: string, secrets: readonly string[]): string {
  const forms = new Set(secrets.flatMap(formsOf).filter((form) => form.length >= MIN_SECRET))
  // Longest first: if one is the prefix of another, the rest of the longer one would be left.
  const sorted = [...forms].sort((a, b) => b.length - a.length)
  return withoutUrlSecrets(sorted.reduce((left, form) => left.replaceAll(form, HIDDEN), text))
}

function formsOf(secret: string): string[] {
  if (secret.length < MIN_SECRET) return []
  const well = secret.toWellFormed()
  const base64 = (['base64', 'base64url'] as const).map((form) => Buffer.from(well).toString(form))
  return [
    secret,
    ...secret.split(/\r?\n/),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(well),
    ...base64.map((text) => text.replace(/=+$/, '')),
  ]
}
