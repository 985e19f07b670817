/** A connection to Redis or Valkey that outlives cuts, tells of them once, and never shows the password. */
import { isIP } from 'node:net'
import { Redis } from 'ioredis'
import { codeOf, HeadstartError, messageOf } from '../../../system/errors.ts'

/** Where a server is, and how to log in to it. */
export interface RedisPlace {
  readonly options: {
    readonly host: string
    readonly port: number
    readonly db: number
    readonly username?: string
    readonly password?: string
    readonly tls?: { readonly servername?: string; readonly ca?: string }
  }
  /** `redis://host:6379/0`, without the login: for people */
  readonly shown: string
}

const SCHEMES = ['redis:', 'rediss:']

/**
 * @param text `redis://[user:password@]host[:port][/database]`; `rediss://` for TLS
 * @param ca PEM, in place of the usual authorities
 * @throws HeadstartError E_QUEUE, which doesn't repeat the text: it may hold a password
 */
export function parseRedisUrl(text: string, ca?: string): RedisPlace {
  const url = URL.parse(text)
  const database = /^\/?(\d{0,5})$/.exec(url?.pathname ?? '')?.[1]
  if (!url || !SCHEMES.includes(url.protocol) || url.hostname === '' || database === undefined)
    throw new HeadstartError('E_QUEUE', 'the address of the queue is not one of Redis or Valkey', {
      hint: 'Write it as redis://HOST:PORT or rediss://HOST:PORT, with :PASSWORD@ before the host if there is one',
    })
  if (ca !== undefined && url.protocol !== 'rediss:')
    throw new HeadstartError(
      'E_QUEUE',
      'the queue is not reached by TLS, so that no authority is asked for',
      {
        hint: 'Write its address as rediss://HOST:PORT, or leave out --queue-ca-file',
      },
    )
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = url.port === '' ? 6379 : Number(url.port)
  return {
    shown: `${url.protocol}//${url.hostname}:${port}${database === '' || database === '0' ? '' : `/${database}`}`,
    options: {
      host,
      port,
      db: Number(database),
      ...(url.username !== '' && { username: decoded(url.username) }),
      ...(url.password !== '' && { password: decoded(url.password) }),
      ...(url.protocol === 'rediss:' && {
        // A name alone: an address has no place there.
        tls: { ...(isIP(host) === 0 && { servername: host }), ...(ca !== undefined && { ca }) },
      }),
    },
  }
}

/** A password with a percent sign that nobody encoded is meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export interface ConnectOptions {
  /** ms that a command waits for a server that doesn't answer; undefined: as long as it takes */
  readonly patienceMs?: number
  /** takes a line when the server is lost, and one when it is back */
  readonly onNotice?: (line: string) => void
}

const RETRY_MS = 200
const MOST_RETRY_MS = 3000
/** More than a worker's longest wait for a job, which is one command. */
const SILENT_MS = 15_000

/** Connects at once, and again whenever the server went away. Errors are told through `onNotice`, never thrown. */
export function redisClient({ options, shown }: RedisPlace, { patienceMs, onNotice }: ConnectOptions): Redis {
  const client = new Redis({
    ...options,
    // A worker waits until the server is back, however long that takes.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(times * RETRY_MS, MOST_RETRY_MS),
    // A cut that no packet tells of is noticed by the answers that don't come.
    socketTimeout: SILENT_MS,
    ...(patienceMs !== undefined && { commandTimeout: patienceMs }),
  })
  let state: 'new' | 'ready' | 'lost' = 'new'
  let reason = ''
  client.on('error', (error) => {
    reason = `: ${messageOf(error)}`
    if (state === 'lost') return
    if (state === 'ready') onNotice?.(`the queue at ${shown} can't be reached${reason}; trying again`)
    if (state === 'ready') state = 'lost'
  })
  client.on('close', () => {
    if (state !== 'ready') return
    state = 'lost'
    onNotice?.(`the connection to the queue at ${shown} is lost; trying again`)
  })
  client.on('ready', () => {
    if (state === 'lost') onNotice?.(`the queue at ${shown} is back`)
    state = 'ready'
  })
  return client
}

/** Ends a connection on purpose, which nobody needs to be told. */
export function hangUp(client: Redis): void {
  client.removeAllListeners('close')
  client.disconnect()
}

/**
 * Waits for the first answer.
 * @throws HeadstartError E_QUEUE: there was none in time, the server isn't trusted, or it refused the login
 */
export async function firstAnswer(client: Redis, { shown }: RedisPlace, patienceMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let last: unknown
  // After a stall of this machine its answer may be there already, and is read first.
  const timer = setTimeout(() => setImmediate(() => reject(unreachable(shown, last))), patienceMs)
  const onError = (error: unknown) => {
    last = error
    if (REFUSED.test(messageOf(error)) || isUntrusted(error)) reject(unreachable(shown, error))
  }
  client.on('error', onError)
  client.once('ready', resolve)
  try {
    if (client.status !== 'ready') await promise
  } finally {
    clearTimeout(timer)
    client.off('error', onError)
    client.off('ready', resolve)
  }
}

const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR (invalid password|AUTH|DB index))/

/** No further attempt makes a certificate another one. */
const isUntrusted = (error: unknown): boolean => /CERT|SELF_SIGNED|UNABLE_TO/.test(codeOf(error) ?? '')

function unreachable(shown: string, reason: unknown): HeadstartError {
  const why = isUntrusted(reason)
    ? `its certificate is not trusted: ${messageOf(reason)}`
    : reason === undefined
      ? `it does not answer${shown.startsWith('rediss:') ? ' by TLS' : ''}`
      : inWords(messageOf(reason))
  return new HeadstartError('E_QUEUE', `the queue at ${shown} can't be used: ${why}`, {
    hint: isUntrusted(reason)
      ? 'Trust its certificate authority with --queue-ca-file FILE; the certificate has to name the host'
      : 'Check --queue or HEADSTART_QUEUE, its password, and that Redis or Valkey runs there',
  })
}

/** A server's own words for a login are about its commands. */
function inWords(said: string): string {
  if (said.startsWith('NOAUTH')) return 'it asks for a password, and none was given'
  if (/^(WRONGPASS|ERR invalid password)/.test(said)) return 'it refuses the password'
  return said
}

/**
 * An error of the server or of BullMQ as one line of ours. The original is dropped, not kept as the cause: it may quote a command, and one of those
 * is the login.
 */
export function asQueueError(error: unknown, shown: string): HeadstartError {
  if (error instanceof HeadstartError) return error
  const said = messageOf(error)
  const what = said === 'Command timed out' ? ' does not answer' : `: ${said}`
  return new HeadstartError('E_QUEUE', `the queue at ${shown}${what}`)
}
