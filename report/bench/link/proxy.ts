/** The thread of `link.ts`: an HTTP proxy whose bytes pass through two buckets and whose requests wait for round trips. */
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as tick } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { epochMs as now } from '../../../system/clock.ts'
import { serveOnlyUs } from '../../../system/process/peer.ts'
import { createBucket } from './bucket.ts'
import type { LinkRequest, ProxyOrder, ProxyQuestion, ProxyReply, ProxyStarted } from './messages.ts'

const { upstream, shape }: ProxyOrder = workerData
const [upstreamHost, upstreamPort] = splitHost(upstream)
const up = createBucket(shape.bitsPerSecond)
const down = createBucket(shape.bitsPerSecond)
const agent = new Agent({ keepAlive: true })

/** Connections take turns on the link, this many bytes at a time: about 2 ms of it. */
const TURN = Math.min(256 << 10, Math.max(8 << 10, Math.round(((shape.bitsPerSecond ?? 1e10) / 8000) * 2)))
/** Arrivals closer together than this count as one. */
const TICK_MS = 4

type Entry = { -readonly [K in Exclude<keyof LinkRequest, 'arrivals'>]: LinkRequest[K] } & {
  arrivals: [number, number][]
}
let entries: Entry[] = []
/** the path that repositories are served below; undefined: none */
let prefix: string | undefined
/** when a connection's handshake is over; removed once a request has waited for it */
const handshakes = new WeakMap<Socket, number>()

/** Timers are up to 2 ms late: shorter waits are skipped, and the bucket makes up for them. */
async function roughly(time: number): Promise<void> {
  const wait = time - now()
  if (wait > 2) await sleep(wait - 1)
}

/** Nothing makes up for a late timer in a round trip, so the last moments are spent polling the clock. */
async function exactly(time: number): Promise<void> {
  await roughly(time)
  while (now() < time) await tick()
}

function splitHost(host: string): [string, number] {
  const { hostname, port } = new URL(`http://${host}`)
  return [hostname.replace(/^\[|\]$/g, ''), Number(port || 80)]
}

const headBytes = (message: IncomingMessage): number =>
  message.rawHeaders.reduce((sum, text) => sum + text.length + 2, 64)

function arrived(entry: Entry, bytes: number): void {
  const at = now()
  entry.bytes += bytes
  const last = entry.arrivals.at(-1)
  if (last && at - last[0] < TICK_MS) last[1] += bytes
  else entry.arrivals.push([at, bytes])
}

/**
 * On a real link the next bytes are sent before the last ones have arrived. So a sender that is late by less than this (a timer, a busy
 * machine) continues where its previous bytes ended, and the link is not idle in between.
 */
const WINDOW_MS = 50

async function* passing(body: AsyncIterable<Buffer>, bucket: typeof up): AsyncGenerator<Buffer> {
  let arrivedAt = Number.NEGATIVE_INFINITY
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += TURN) {
      const piece = chunk.subarray(at, at + TURN)
      const isLate = now() - arrivedAt < WINDOW_MS
      arrivedAt = bucket.pass(piece.length, isLate ? arrivedAt : now())
      await roughly(arrivedAt)
      yield piece
    }
  }
}

async function send(
  from: AsyncIterable<Buffer>,
  to: ServerResponse | ClientRequest,
  onPiece: (bytes: number) => void,
): Promise<void> {
  for await (const piece of from) {
    onPiece(piece.length)
    if (!to.write(piece)) await drained(to)
  }
  to.end()
}

/** Resolves when the buffer has drained, or the other side is gone: later writes are then discarded with the request. */
function drained(to: ServerResponse | ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      to.off('drain', go).off('close', go)
      resolve()
    }
    to.on('drain', go).on('close', go)
  })
}

async function handle(incoming: IncomingMessage, outgoing: ServerResponse, entry: Entry): Promise<void> {
  const { socket } = incoming
  const connectedAt = handshakes.get(socket)
  if (connectedAt !== undefined) await exactly(connectedAt)
  await exactly(up.pass(headBytes(incoming), now()) + shape.roundTripMs / 2)
  const forward = request({
    host: upstreamHost,
    port: upstreamPort,
    agent,
    method: incoming.method,
    path: entry.path,
    headers: incoming.headers,
  })
  outgoing.on('close', () => forward.destroy())
  const responding = new Promise<IncomingMessage>((resolve, reject) => {
    forward.on('response', resolve)
    forward.on('error', reject)
  })
  await send(passing(incoming, up), forward, () => {})
  const response = await responding
  await exactly(down.pass(headBytes(response), now()) + shape.roundTripMs / 2)
  entry.status = response.statusCode ?? 0
  outgoing.writeHead(entry.status, response.headers)
  outgoing.flushHeaders()
  await send(passing(response, down), outgoing, (bytes) => arrived(entry, bytes))
}

/** The path as the registry knows it; undefined: below a name that is no longer served. */
function pathBehind(url: string): string | undefined {
  if (prefix === undefined || /^\/v2\/?$/.test(url)) return url
  const below = `/v2/${prefix}/`
  return url.startsWith(below) ? `/v2/${url.slice(below.length)}` : undefined
}

function begin(incoming: IncomingMessage, path: string, connected: boolean): Entry {
  const entry: Entry = {
    method: incoming.method ?? 'GET',
    path,
    range: incoming.headers.range,
    status: 0,
    bytes: 0,
    startedAt: now(),
    endedAt: undefined,
    connected,
    arrivals: [],
  }
  entries.push(entry)
  return entry
}

const server = createServer({ keepAliveTimeout: 60_000 }, async (incoming, outgoing) => {
  const path = pathBehind(incoming.url ?? '/')
  if (path === undefined) {
    outgoing.writeHead(404).end()
    return
  }
  const entry = begin(incoming, path, handshakes.has(incoming.socket))
  try {
    await handle(incoming, outgoing, entry)
  } catch {
    outgoing.destroy() // whichever side failed, the other must notice
  }
  handshakes.delete(incoming.socket)
  entry.endedAt = now()
})

server.on('connection', (socket) => {
  socket.setNoDelay(true)
  // The kernel's handshake on loopback took no time: the first request waits for as long as a real one takes.
  handshakes.set(socket, now() + shape.roundTripMs)
})

parentPort?.on('message', ({ id, begin: next }: ProxyQuestion) => {
  if (next !== undefined) {
    prefix = next
    entries = []
    server.closeAllConnections()
  }
  parentPort?.postMessage({ id, requests: entries } satisfies ProxyReply)
})

serveOnlyUs(server)
server.listen(0, '127.0.0.1', () => {
  const address: AddressInfo | string | null = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  parentPort?.postMessage({ port } satisfies ProxyStarted)
})
