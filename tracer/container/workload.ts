/** Requests sent to a container once it is ready, so that what they need is recorded too: a text file with one request per line. */
import { request } from 'undici'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { withoutUrlSecrets } from '../../system/text/secrets.ts'
import { containerUrl, dispatcherFor } from './readiness/container-address.ts'
import type { Container } from './types.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

export interface WorkloadRequest {
  readonly method: (typeof METHODS)[number]
  readonly url: string
  readonly body?: string
}

export interface WorkloadResult {
  /** without secrets */
  readonly url: string
  /** HTTP status, or the reason why there is none */
  readonly outcome: number | string
}

const LINE = new RegExp(String.raw`^(?:(${METHODS.join('|')})\s+)?(https?://\S+)(?:\s+(.+))?$`)

/**
 * Pure. `[METHOD] URL [BODY]` on each line; `#` starts a comment.
 * @throws HeadstartError E_SCRIPT naming the line
 */
export function parseWorkload(text: string, where: string): WorkloadRequest[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '' || line.trim().startsWith('#')) return []
    const [, method = 'GET', url, body] = LINE.exec(line.trim()) ?? []
    if (url === undefined || !URL.canParse(url))
      throw new HeadstartError(
        'E_SCRIPT',
        `${where}, line ${index + 1} is not a valid request: ${withoutUrlSecrets(line).slice(0, 100)}`,
        { hint: 'Write [METHOD] http://localhost:PORT/PATH [BODY] on each line' },
      )
    return [{ method: methodOf(method), url, ...(body !== undefined && { body }) }]
  })
}

const methodOf = (text: string): WorkloadRequest['method'] =>
  METHODS.find((method) => method === text) ?? 'GET'

const TIMEOUT_MS = 30_000

/** Sends them in order. A request that fails is reported and doesn't stop the rest. */
export async function runWorkload(
  requests: readonly WorkloadRequest[],
  container: Container,
  signal: AbortSignal,
  onResult: (result: WorkloadResult) => void = () => {},
): Promise<void> {
  const dispatcher = dispatcherFor(container)
  for (const { method, url, body } of requests) {
    signal.throwIfAborted()
    try {
      const response = await request(containerUrl(url, container), {
        method,
        dispatcher,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        ...(body !== undefined && { body, headers: { 'content-type': bodyType(body) } }),
      })
      await response.body.dump()
      onResult({ url: withoutUrlSecrets(url), outcome: response.statusCode })
    } catch (error) {
      signal.throwIfAborted()
      onResult({ url: withoutUrlSecrets(url), outcome: withoutUrlSecrets(messageOf(error)) })
    }
  }
}

const bodyType = (body: string): string =>
  /^\s*[[{]/.test(body) ? 'application/json' : 'application/x-www-form-urlencoded'
