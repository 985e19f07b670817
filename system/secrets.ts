/** Keeps passwords and tokens out of what is printed and written down. Pure. */

/** Names that values nobody should see go by. */
const SECRET_NAME = /pass|secret|token|key|cred|auth/i

const HIDDEN = '***'

export const isSecretName = (name: string): boolean => SECRET_NAME.test(name)

/** A URL may hold a password, and a token in its query: those of all URLs in a text are left out. */
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
 * what URLs hold. What has no name that tells can't be known.
 */
export const withoutSecrets = (args: readonly string[]): string[] =>
  args.map((arg, index) => {
    const flag = args[index - 1] ?? ''
    if (/^--?[\w-]+$/.test(flag) && isSecretName(flag) && !arg.startsWith('-')) return HIDDEN
    return withoutUrlSecrets(arg).replace(ASSIGNED, (whole, name: string) =>
      isSecretName(name) ? `${name}${HIDDEN}` : whole,
    )
  })

/** Shorter values are no secrets, and would hide half of a text. */
const MIN_SECRET = 4

/** A text without these values, as they are, line by line, or written as JSON, in a URL or in base64. */
export function hide(text: string, secrets: readonly string[]): string {
  const forms = new Set(secrets.flatMap(formsOf).filter((form) => form.length >= MIN_SECRET))
  // The longest first: of one that begins another, the rest would be left.
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
