/** The doors of the server: what is asked for, by whom, and answers with headers that keep a browser from more than the page needs. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { codeOf, messageOf } from '../../system/errors.ts'

export interface Answer {
  readonly status: number
  readonly type: 'text/html' | 'text/plain' | 'application/json' | 'text/plain; version=0.0.4'
  readonly body: string
}

export interface Door {
  /** GET answers HEAD as well */
  readonly method: 'GET' | 'POST'
  readonly path: RegExp
  /** @param matched what the groups of the path matched */
  readonly answer: (request: IncomingMessage, matched: readonly string[]) => Promise<Answer>
}

export const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain',
  body: `${body}\n`,
})
export const json = (value: unknown): Answer => ({
  status: 200,
  type: 'application/json',
  body: JSON.stringify(value),
})

const HEADERS = {
  'Cache-Control': 'no-cache',
  'Content-Security-Policy': "frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

const REQUEST_MS = 30_000
const MAX_CONNECTIONS = 500
/** Smaller ones gain nothing. */
const GZIP_FROM = 4096

/**
 * @param options.isLocal it listens on the loopback alone: then a page of another site, whose name was made to point there, is refused
 */
export function doorsServer(
  doors: readonly Door[],
  { isLocal, onLine }: { readonly isLocal: boolean; readonly onLine: (line: string) => void },
): Server {
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => {
      request.on('error', () => {})
      response.on('error', () => {})
      answerOf(doors, isLocal, request)
        .catch((error: unknown) => failure(error, onLine))
        .then((answer) => send(request, response, answer))
        .catch(() => response.destroy())
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  return server
}

async function answerOf(doors: readonly Door[], isLocal: boolean, request: IncomingMessage): Promise<Answer> {
  if (isLocal && !isLocalName(request.headers.host ?? '')) return text(403, 'asked for by another name')
  const path = (request.url ?? '/').replace(/\?.*$/s, '')
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const here = doors.filter((door) => door.path.test(path))
  const door = here.find((each) => each.method === method)
  if (!door) return here.length > 0 ? text(405, `not by ${method}`) : text(404, 'there is nothing here')
  return await door.answer(request, door.path.exec(path)?.slice(1) ?? [])
}

export const isLocalName = (host: string): boolean =>
  /^(localhost|[\w-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host)

function failure(error: unknown, onLine: (line: string) => void): Answer {
  const code = codeOf(error)
  if (code === 'E_NOTIFICATION') return text(400, messageOf(error))
  if (code === 'E_TOO_LARGE') return text(413, messageOf(error))
  if (code === 'E_QUEUE') return text(503, messageOf(error))
  onLine(`a request could not be answered: ${messageOf(error)}`)
  return text(500, 'something went wrong: the server has logged it')
}

async function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const { status, type, body } = answer
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const headers = {
    ...HEADERS,
    'Content-Type': type.includes(';') ? type : `${type}; charset=utf-8`,
    ETag: tag,
  }
  if (status === 200 && request.headers['if-none-match'] === tag) {
    response.writeHead(304, headers).end()
    return
  }
  const isPacked = body.length >= GZIP_FROM && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  const bytes = isPacked ? await promisify(gzip)(body) : Buffer.from(body)
  // What is left of a body that nobody read would be taken for the next request.
  const isUnread = !request.readableEnded && request.method === 'POST'
  response.writeHead(status, {
    ...headers,
    'Content-Length': bytes.length,
    Vary: 'Accept-Encoding',
    ...(isPacked && { 'Content-Encoding': 'gzip' }),
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    ...(isUnread && { Connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? undefined : bytes)
}
