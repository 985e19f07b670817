/** A proxy before a real registry that does one wrong thing to the requests it is told to. */

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { serve } from '../../../scripts/support/serve.ts'

export type Fault =
  | 'cut before the answer'
  | 'cut inside the request'
  | 'cut inside the answer'
  | 'short answer'
  | 'corrupt answer'
  | 'corrupt request'
  | 'delay'
  | 'no ranges'
  | { readonly status: number; readonly headers?: Record<string, string> }

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  bodyBytes: number
  status: number
}

export interface FaultProxy extends AsyncDisposable {
  readonly host: string
  readonly seen: SeenRequest[]
}

/** @param fault for the request with this number, 0 for the first */
export async function startFaultProxy(
  upstream: string,
  fault: (index: number, seen: SeenRequest) => Fault | undefined,
): Promise<FaultProxy> {
  const seen: SeenRequest[] = []
  const server = createServer((incoming, response) => {
    const entry = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      bodyBytes: 0,
      status: 0,
    }
    seen.push(entry)
    const chosen = fault(seen.length - 1, entry)
    handle(upstream, incoming, response, chosen, entry).catch(() => response.destroy())
  })
  const serving = await serve(server)
  return {
    host: serving.host,
    seen,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}

async function handle(
  upstream: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
  seen: SeenRequest,
): Promise<void> {
  if (fault === 'cut before the answer') return void incoming.socket.destroy()
  const body: Buffer[] = []
  for await (const chunk of incoming) body.push(chunk)
  let sent: Buffer = Buffer.concat(body)
  seen.bodyBytes = sent.length
  if (typeof fault === 'object') {
    seen.status = fault.status
    response.writeHead(fault.status, { 'content-length': 0, ...fault.headers })
    return void response.end()
  }
  if (fault === 'delay') await new Promise((resolve) => setTimeout(resolve, 50))
  if (fault === 'corrupt request' && sent.length > 0) sent = flipped(sent)
  const isHalf = fault === 'cut inside the request'
  const [status, headers, answer] = await forward(upstream, incoming, sent, isHalf, fault === 'no ranges')
  if (isHalf) return void incoming.socket.destroy()
  seen.status = status
  if (fault === 'short answer') delete headers['content-length']
  response.writeHead(status, headers)
  const half = answer.subarray(0, answer.length >> 1)
  if (fault === 'cut inside the answer') response.write(half, () => incoming.socket.destroy())
  else if (fault === 'short answer') response.end(half)
  else response.end(fault === 'corrupt answer' ? flipped(answer) : answer)
}

function forward(
  upstream: string,
  incoming: IncomingMessage,
  body: Buffer,
  isHalf: boolean,
  isWithoutRange: boolean,
): Promise<[number, IncomingMessage['headers'], Buffer]> {
  const [host, port] = upstream.split(':')
  const headers = { ...incoming.headers }
  if (isWithoutRange) delete headers.range
  return new Promise((resolve, reject) => {
    const onward = request({ host, port, method: incoming.method, path: incoming.url, headers }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece))
      answer.on('end', () => resolve([answer.statusCode ?? 0, { ...answer.headers }, Buffer.concat(pieces)]))
      answer.on('error', reject)
    })
    onward.on('error', () => (isHalf ? resolve([0, {}, Buffer.alloc(0)]) : reject(new Error('upstream'))))
    if (isHalf) onward.write(body.subarray(0, body.length >> 1), () => setTimeout(() => onward.destroy(), 20))
    else onward.end(body)
  })
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const at = copy.length >> 1
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
