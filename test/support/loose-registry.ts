/**
 * A registry in this process that takes and gives images by the spec, except where a test says otherwise: for answers that no real one at
 * hand gives.
 */

import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { serve } from '../../scripts/support/serve.ts'

export interface Answer {
  status: number
  headers?: Record<string, string | string[] | undefined>
  body?: Buffer | string
}

export interface Asked {
  readonly method: string
  /** with its query */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export interface LooseRegistry extends AsyncDisposable {
  readonly host: string
  readonly asked: Asked[]
  readonly blobs: Map<string, Buffer>
  readonly manifests: Map<string, { bytes: Buffer; type: string }>
}

/** @param alter gets each request and the answer by the spec, not yet sent; what it returns is sent. `cut` closes the connection. */
export async function startLooseRegistry(
  alter: (asked: Asked, answer: () => Answer) => Answer | 'cut' = (_, answer) => answer(),
): Promise<LooseRegistry> {
  const state = {
    asked: [] as Asked[],
    blobs: new Map<string, Buffer>(),
    manifests: new Map<string, { bytes: Buffer; type: string }>(),
    uploads: new Map<string, Buffer>(),
  }
  const server = createServer(async (request, response) => {
    const body = await buffer(request).catch(() => undefined) // cut by who sent it
    if (body === undefined) return
    const { method = '', url: path = '', headers } = request
    const asked = { method, path, headers, body }
    state.asked.push(asked)
    const answer = alter(asked, () => respond(state, asked))
    if (answer === 'cut') return void request.socket.destroy()
    const { status, headers: said = {}, body: sent = '' } = answer
    for (const [name, value] of Object.entries(said)) if (value !== undefined) response.setHeader(name, value)
    response.statusCode = status
    if (method === 'HEAD') response.end()
    else response.end(sent)
  })
  const serving = await serve(server)
  return {
    host: serving.host,
    ...state,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

interface State extends Pick<LooseRegistry, 'blobs' | 'manifests'> {
  readonly uploads: Map<string, Buffer>
}

function respond(state: State, { method, path, headers, body }: Asked): Answer {
  const { pathname, searchParams } = new URL(path, 'http://x')
  if (pathname === '/v2/') return { status: 200, body: '{}' }
  const [, name, kind, rest = ''] = /^\/v2\/(.+?)\/(manifests|blobs)\/(.*)$/.exec(pathname) ?? []
  if (name === undefined) return { status: 404 }
  if (kind === 'manifests') return manifest(state, method, `${name}/${rest}`, headers, body)
  if (rest.startsWith('uploads/')) return upload(state, method, pathname, searchParams, body)
  const blob = state.blobs.get(rest)
  if (!blob) return { status: 404 }
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')?.map(Number) ?? []
  if (first === undefined || last === undefined)
    return { status: 200, headers: { 'content-length': `${blob.length}` }, body: blob }
  const part = blob.subarray(first, last + 1)
  return {
    status: 206,
    headers: {
      'content-range': `bytes ${first}-${first + part.length - 1}/${blob.length}`,
      'content-length': `${part.length}`,
    },
    body: part,
  }
}

function manifest(
  { manifests }: State,
  method: string,
  key: string,
  headers: Asked['headers'],
  body: Buffer,
): Answer {
  if (method === 'PUT') {
    const digest = digestOf(body)
    for (const name of [key, key.replace(/[^/]*$/, digest)])
      manifests.set(name, { bytes: body, type: headers['content-type'] ?? '' })
    return { status: 201, headers: { 'docker-content-digest': digest } }
  }
  const found = manifests.get(key)
  if (!found) return { status: 404 }
  const said = { 'content-type': found.type, 'docker-content-digest': digestOf(found.bytes) }
  return { status: 200, headers: said, body: found.bytes }
}

function upload(state: State, method: string, path: string, query: URLSearchParams, body: Buffer): Answer {
  if (method === 'POST') {
    const mounted = query.get('mount')
    if (mounted !== null && state.blobs.has(mounted)) return { status: 201 }
    const location = `${path}${randomUUID()}`
    state.uploads.set(location, Buffer.alloc(0))
    return { status: 202, headers: { location } }
  }
  const sofar = state.uploads.get(path)
  if (!sofar) return { status: 404 }
  const range = (bytes: Buffer) => `0-${Math.max(0, bytes.length - 1)}`
  if (method === 'GET') return { status: 204, headers: { location: path, range: range(sofar) } }
  if (method === 'PATCH') {
    const bytes = Buffer.concat([sofar, body])
    state.uploads.set(path, bytes)
    return { status: 202, headers: { location: path, range: range(bytes) } }
  }
  const digest = digestOf(sofar)
  if (digest !== query.get('digest')) return { status: 400 }
  state.blobs.set(digest, sofar)
  state.uploads.delete(path)
  return { status: 201, headers: { location: path, 'docker-content-digest': digest } }
}
