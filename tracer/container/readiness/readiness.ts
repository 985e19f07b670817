/** When a container counts as ready: judged by its output, its responses or its exit, or after a period. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dispatcher, request } from 'undici'
import { monotonicMs } from '../../../system/clock.ts'
import type { Trace } from '../../trace/file.ts'
import type { Container } from '../types.ts'
import { addressOf, containerUrl, dial, dispatcherFor } from './container-address.ts'
import type { OutputLog } from './output-log.ts'

export type ReadyCheck =
  | { readonly by: 'log'; readonly pattern: RegExp }
  /** `localhost` and loopback addresses mean the container */
  | { readonly by: 'http'; readonly url: string; readonly status?: number; readonly body?: RegExp }
  | { readonly by: 'tcp'; readonly port: number; readonly host?: string }
  /** ready when the command ends with 0 in the container */
  | { readonly by: 'exec' | 'health'; readonly command: readonly string[] }
  /** ready when the container ends with 0 */
  | { readonly by: 'exit' }
  | { readonly by: 'period'; readonly ms: number }
  /** whoever started it says when */
  | { readonly by: 'interrupt' }

export interface Ready {
  readonly by: Trace['run']['ready']['by']
  /** monotonic milliseconds; absent when nothing showed that the container is ready */
  readonly at?: number
}

const POLL_MS = 15
const ATTEMPT_MS = 5000
const MAX_BODY = 1 << 20

/** What ends the wait. */
export interface WaitSignals {
  /** the result is no longer needed */
  readonly signal: AbortSignal
  /** the container has ended and all its output has been delivered */
  readonly ended: AbortSignal
}

/**
 * @returns undefined if the container ended without becoming ready; a check that was under way at that moment is still waited for
 * @throws the reason of `signal`; E_READY if the check can never succeed
 */
export async function waitReady(
  check: ReadyCheck,
  container: Container,
  log: OutputLog,
  signals: WaitSignals,
): Promise<Ready | undefined> {
  switch (check.by) {
    case 'log': {
      const at = await Promise.race([log.matched, untilEnded(signals)])
      return at === undefined ? undefined : { by: 'log', at }
    }
    case 'exit':
    case 'interrupt':
      // The caller watches the container's exit and judges it by its status, and has the interruption.
      return untilEnded(signals)
    case 'period': {
      const { signal, ended } = signals
      await sleep(check.ms, undefined, { signal: AbortSignal.any([signal, ended]) }).catch(() => {})
      signal.throwIfAborted()
      return ended.aborted ? undefined : { by: 'period' }
    }
    default: {
      const at = await poll(question(check, container, signals.signal), signals)
      return at === undefined ? undefined : { by: check.by, at }
    }
  }
}

function untilEnded({ signal, ended }: WaitSignals): Promise<undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    if (ended.aborted) resolve(undefined)
    ended.addEventListener('abort', () => resolve(undefined), { once: true })
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

type Asked = Exclude<ReadyCheck, { by: 'log' | 'exit' | 'period' | 'interrupt' }>

/** @throws HeadstartError E_READY: it can never succeed */
function question(check: Asked, container: Container, signal: AbortSignal): () => Promise<boolean> {
  if (check.by === 'http') {
    const url = containerUrl(check.url, container)
    const dispatcher = dispatcherFor(container)
    return () => answers(url, check, dispatcher, signal)
  }
  if (check.by === 'tcp') {
    if (check.host === undefined) addressOf(container)
    return () => accepts(container, check, signal)
  }
  return async () => (await container.exec(check.command, signal)) === 0
}

/** @returns when the check succeeded; undefined once the container has ended */
async function poll(
  ask: () => Promise<boolean>,
  { signal, ended }: WaitSignals,
): Promise<number | undefined> {
  for (;;) {
    signal.throwIfAborted()
    if (await ask()) return monotonicMs()
    if (ended.aborted) return undefined
    await sleep(POLL_MS, undefined, { signal })
  }
}

/** Whether a server responds without a server error: any status below 500, unless a certain one is required. */
async function answers(
  url: URL,
  check: Extract<ReadyCheck, { by: 'http' }>,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const response = await request(url, {
      dispatcher,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
      headers: { 'user-agent': 'headstart', connection: 'close' },
    })
    const right =
      check.status === undefined ? response.statusCode < 500 : response.statusCode === check.status
    if (!right || !check.body) {
      await response.body.dump({ limit: MAX_BODY })
      return right
    }
    return check.body.test(await beginningOf(response.body))
  } catch {
    signal.throwIfAborted()
    return false
  }
}

/** A body may have no end: what stands behind the limit is not waited for, let alone kept. */
async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of body) {
    pieces.push(piece)
    length += piece.length
    if (length >= MAX_BODY) break
  }
  return Buffer.concat(pieces).toString('utf8', 0, Math.min(length, MAX_BODY))
}

async function accepts(
  container: Container,
  { port, host }: Extract<ReadyCheck, { by: 'tcp' }>,
  signal: AbortSignal,
): Promise<boolean> {
  const connected = dial(container, port, host).then(
    (socket) => {
      socket.destroy()
      return true
    },
    () => false,
  )
  const given = Promise.withResolvers<never>()
  const abort = () => given.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([connected, given.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
