/** What can go wrong between us and a registry, in one line, without queries and tokens, and with only a short part of the response. */
import { z } from 'zod'
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { jsonIf } from '../../system/text/json.ts'
import { withoutUrlSecrets } from '../../system/text/secrets.ts'
import { TokenUnreachable } from './auth/token.ts'
import { readDocument } from './document.ts'
import type { RegistryResponse } from './request.ts'

const TRANSIENT = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
])

/** Instead of the client's own. */
const WORDS: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'it did not answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'it fell silent in the middle of an answer',
}

/** True for network failures, which another try may not meet. Wrong names and certificates stay wrong. */
export function isTransient(error: unknown): boolean {
  if (error instanceof HeadstartError) return false
  if (error instanceof TokenUnreachable) return true
  const code = codeOf(error)
  if (code !== undefined && (TRANSIENT.has(code) || code.startsWith('HPE_'))) return true
  return error instanceof Error && error.cause !== undefined && isTransient(error.cause)
}

export const isRefusal = (error: unknown): boolean => codeOf(error) === 'ECONNREFUSED'

export function unreachable(origin: string, error: unknown): HeadstartError {
  const code = codeOf(error) ?? ''
  const isCertificate = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO/.test(code)
  const why = WORDS[code] ?? (withoutUrlSecrets(messageOf(error)) || code || 'no answer')
  return new HeadstartError('E_REGISTRY_UNREACHABLE', `${origin} can't be reached: ${why}`, {
    cause: error,
    ...(isCertificate && {
      hint: 'Trust its certificate authority with --ca-file FILE, or allow plain HTTP and any certificate with --insecure',
    }),
  })
}

/** What a gateway answers for a registry behind it that doesn't. */
const AWAY = new Set([502, 503, 504])

const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string().optional(), message: z.string().optional() })).min(1),
})

/** Reads and closes the answer. @param paceMs as of `readDocument` */
export async function refused(
  method: string,
  response: RegistryResponse,
  paceMs: number,
): Promise<HeadstartError> {
  const { status, url } = response
  const reason = await reasonOf(response, paceMs)
  const text = `${url.host} answered ${status} to ${method} ${url.pathname.slice(0, 300)}${reason ? `: ${reason}` : ''}`
  if (status === 401 || status === 403)
    return new HeadstartError('E_UNAUTHORIZED', text, {
      hint: 'Log in with docker login, and make sure that the account may read (or write) the repository',
    })
  if (AWAY.has(status)) return new HeadstartError('E_REGISTRY_UNREACHABLE', text)
  return new HeadstartError(status === 404 ? 'E_NOT_FOUND' : 'E_REGISTRY', text)
}

async function reasonOf(response: RegistryResponse, paceMs: number): Promise<string> {
  try {
    const bytes = await readDocument(response, 64 << 10, { what: 'an answer', paceMs })
    const [first] = jsonIf(bytes.toString(), errorsSchema)?.errors ?? []
    const said = [first?.code, first?.message]
      .filter(Boolean)
      .join(': ')
      .replace(/\p{Cc}/gu, ' ')
    return withoutUrlSecrets(said).slice(0, 200)
  } catch {
    return ''
  }
}
