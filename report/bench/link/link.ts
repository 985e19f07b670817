/**
 * The link: a reverse proxy in front of a registry that makes loopback as slow as a network, and writes down every request. It
 * runs in a thread of its own, so that what the bench does meanwhile neither slows it nor is slowed by it.
 *
 * Modelled: bandwidth in each direction, shared by all connections; one round trip for a new connection, one for each request.
 * Not modelled: slow start, loss, TLS.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { HeadstartError } from '../../../system/errors.ts'
import type { BenchLink } from '../file.ts'

const mbit = 1_000_000

export const LINK_PRESETS = {
  /** a datacentre's or an office's own registry */
  lan: { bitsPerSecond: 1000 * mbit, roundTripMs: 1 },
  /** a cloud registry from a good line */
  wan: { bitsPerSecond: 100 * mbit, roundTripMs: 10 },
  /** a shop, a vehicle, a home */
  edge: { bitsPerSecond: 20 * mbit, roundTripMs: 50 },
  /** only counted */
  none: { bitsPerSecond: null, roundTripMs: 0 },
} as const satisfies Record<string, Omit<BenchLink, 'name'>>

export type LinkName = keyof typeof LINK_PRESETS

const isPreset = (name: string): name is LinkName => Object.hasOwn(LINK_PRESETS, name)

/**
 * A preset, with what was given by hand in its place.
 * @param given.bitsPerSecond above 0
 * @throws HeadstartError E_LINK: no such preset, or a value that is no link
 */
export function chooseLink(
  name: string = 'wan',
  given: { bitsPerSecond?: number | undefined; roundTripMs?: number | undefined } = {},
): BenchLink {
  if (!isPreset(name))
    throw new HeadstartError('E_LINK', `there is no link named ${JSON.stringify(name)}`, {
      hint: `Choose one of ${Object.keys(LINK_PRESETS).join(', ')}, or give bandwidth and latency`,
    })
  const { bitsPerSecond = LINK_PRESETS[name].bitsPerSecond, roundTripMs = LINK_PRESETS[name].roundTripMs } =
    given
  if ((bitsPerSecond !== null && !(bitsPerSecond > 0)) || !(roundTripMs >= 0))
    throw new HeadstartError('E_LINK', 'a link needs a bandwidth above 0 and a latency of 0 ms or more')
  const own = given.bitsPerSecond !== undefined || given.roundTripMs !== undefined
  return { name: own ? 'custom' : name, bitsPerSecond, roundTripMs }
}

export interface LinkRequest {
  readonly method: string
  /** path and query, without credentials */
  readonly path: string
  /** the Range header */
  readonly range: string | undefined
  /** 0: no answer (yet) */
  readonly status: number
  /** of the body, that have arrived */
  readonly bytes: number
  /** ms since 1970, with fractions */
  readonly startedAt: number
  /** undefined: still under way */
  readonly endedAt: number | undefined
  /** it paid for a new connection */
  readonly connected: boolean
  /** [ms since 1970, bytes that arrived by then and after the one before] */
  readonly arrivals: readonly (readonly [number, number])[]
}

export interface Link extends AsyncDisposable {
  /** `127.0.0.1:PORT`, plain HTTP */
  readonly host: string
  /** All requests since the last `begin`, in the order they began; those under way with what they have. */
  requests(): Promise<LinkRequest[]>
  /**
   * Forgets what was, cuts every connection, and from now on has the registry's images below this name only: whoever goes on asking by
   * an earlier one (a snapshotter, in the background) neither gets anything, nor takes the link, nor is written down.
   */
  begin(prefix: string): Promise<void>
}

/** To the thread; answered with the same `id` and the requests so far. */
export interface LinkMessage {
  readonly id: number
  /** the name to begin anew with */
  readonly begin: string | undefined
}

/** @param upstream `host:port` of a registry that speaks plain HTTP */
export async function startLink(upstream: string, shape: BenchLink): Promise<Link> {
  const worker = new Worker(new URL('./proxy.ts', import.meta.url), { workerData: { upstream, shape } })
  const [first]: unknown[] = await once(worker, 'message')
  const waiting = new Map<number, (requests: LinkRequest[]) => void>()
  worker.on('message', ({ id, requests }: { id: number; requests: LinkRequest[] }) => {
    waiting.get(id)?.(requests)
    waiting.delete(id)
  })
  let calls = 0
  const ask = (begin?: string): Promise<LinkRequest[]> =>
    new Promise((resolve) => {
      const message: LinkMessage = { id: ++calls, begin }
      waiting.set(calls, resolve)
      worker.postMessage(message)
    })
  return {
    host: `127.0.0.1:${portOf(first)}`,
    requests: () => ask(),
    begin: async (prefix) => void (await ask(prefix)),
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  }
}

function portOf(message: unknown): number {
  if (
    typeof message === 'object' &&
    message !== null &&
    'port' in message &&
    typeof message.port === 'number'
  )
    return message.port
  throw new HeadstartError('E_LINK', 'the proxy that shapes the link did not start')
}
