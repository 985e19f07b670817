/**
 * The link: a reverse proxy in front of a registry that makes loopback as slow as a network and records every request. It
 * runs in a thread of its own, so that it neither slows down the measurement nor is slowed down by it.
 *
 * Modelled: bandwidth in each direction, shared by all connections; one round trip for a new connection, one for each request.
 * Not modelled: slow start, loss, TLS.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { HeadstartError } from '../../../system/errors.ts'
import type { BenchLink } from '../file.ts'
import type { LinkRequest, ProxyOrder, ProxyQuestion, ProxyReply, ProxyStarted } from './messages.ts'

export interface Link extends AsyncDisposable {
  /** `127.0.0.1:PORT`, plain HTTP */
  readonly host: string
  /** All requests since the last `begin`, in the order they began; those in progress with what has arrived so far. */
  requests(): Promise<readonly LinkRequest[]>
  /**
   * Forgets all requests, closes every connection, and from now on serves the registry's images below this name only. A client that
   * still uses an earlier name (a snapshotter in the background) gets nothing, uses no bandwidth and is not recorded.
   */
  begin(prefix: string): Promise<void>
}

/** @param upstream `host:port` of a registry that speaks plain HTTP */
export async function startLink(upstream: string, shape: BenchLink): Promise<Link> {
  const workerData: ProxyOrder = { upstream, shape }
  const worker = new Worker(new URL('./proxy.ts', import.meta.url), { workerData })
  const [started]: ProxyStarted[] = await once(worker, 'message')
  if (started?.port === undefined)
    throw new HeadstartError('E_LINK', 'the proxy that shapes the link did not start')
  const waiting = new Map<number, (requests: readonly LinkRequest[]) => void>()
  worker.on('message', ({ id, requests }: ProxyReply) => {
    waiting.get(id)?.(requests)
    waiting.delete(id)
  })
  let calls = 0
  const ask = (question: Omit<ProxyQuestion, 'id'>): Promise<readonly LinkRequest[]> =>
    new Promise((resolve) => {
      const message: ProxyQuestion = { id: ++calls, ...question }
      waiting.set(calls, resolve)
      worker.postMessage(message)
    })
  return {
    host: `127.0.0.1:${started.port}`,
    requests: () => ask({}),
    begin: async (prefix) => void (await ask({ begin: prefix })),
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  }
}
