/**
 * The fleet's server: takes notifications of registries, looks at all of them now and then besides, and shows people and Prometheus how the fleet
 * is doing. It performs nothing itself.
 */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import type { Job } from '../job.ts'
import type { Queue } from '../queue/types.ts'
import { notificationDoor, pageDoors, type Seen } from './doors.ts'
import { type Door, doorsServer, isLocalName } from './http.ts'
import { startIntake } from './intake.ts'
import type { Pushed } from './notifications.ts'
import type { Known } from './overview.ts'

export interface Address {
  readonly host: string
  /** 0: any that is free */
  readonly port: number
}

export interface ServeOptions {
  readonly queue: Queue
  /** of the page, the metrics and, unless they have an address of their own, the notifications */
  readonly listen: Address
  readonly listenForNotifications?: Address
  /** that notifications must carry; undefined: none are taken */
  readonly secret: string | undefined
  /** looks at all images of the configuration, and adds what is to be done: resolves to what could not be looked at, a line each */
  readonly poll: () => Promise<readonly string[]>
  /** looks at what was pushed, if the configuration names it, and adds what is to be done */
  readonly pushed: (pushed: Pushed) => Promise<void>
  /** ms from the end of one poll to the next */
  readonly everyMs: number
  readonly version: string
  /** the page, as HTML; it asks for the rest */
  readonly page: string
  /** commands that repeat a job by hand */
  readonly commands: (job: Job) => readonly string[]
  /** images that were up to date when they were looked at last; none by default */
  readonly known?: () => readonly Known[]
  /** takes lines for the log */
  readonly onLine: (line: string) => void
  /** told where it listens, once it does */
  readonly onListening: (urls: { readonly page: string; readonly notifications: string }) => void
  readonly signal: AbortSignal
}

/**
 * Serves until the signal aborts.
 * @throws HeadstartError E_LISTEN: the address is taken, or not this machine's
 */
export async function serveFleet(options: ServeOptions): Promise<void> {
  const { listen, listenForNotifications: apart, signal, onLine } = options
  const seen: Seen = {
    notifications: { accepted: 0, refused: 0, malformed: 0 },
    polls: { done: 0, failed: 0 },
    polledAt: undefined,
    pollError: undefined,
  }
  const intake = startIntake({ look: options.pushed, onLine, signal })
  const notifications = notificationDoor({ intake, seen, secret: options.secret, onLine })
  const pages = pageDoors({ ...options, seen })
  await using page = await listening(apart ? pages : [...pages, notifications], listen, onLine)
  await using other = apart ? await listening([notifications], apart, onLine) : undefined
  options.onListening({ page: page.url, notifications: (other ?? page).url })
  await poll(options, seen)
  await intake.settled()
}

async function poll({ poll, everyMs, onLine, signal }: ServeOptions, seen: Seen): Promise<void> {
  while (!signal.aborted) {
    try {
      const failures = await poll()
      for (const failure of failures) onLine(failure)
      seen.polls.done += 1
      seen.polledAt = Date.now()
      seen.pollError = failures.length > 1 ? `${failures[0]} (and ${failures.length - 1} more)` : failures[0]
    } catch (error) {
      if (signal.aborted) return
      seen.polls.failed += 1
      seen.pollError = messageOf(error)
      onLine(`the registries could not be looked at: ${messageOf(error)}`)
    }
    await sleep(everyMs, undefined, { signal }).catch(() => {})
  }
}

interface Listening extends AsyncDisposable {
  readonly url: string
}

async function listening(
  doors: readonly Door[],
  { host, port }: Address,
  onLine: (line: string) => void,
): Promise<Listening> {
  const shownHost = host.includes(':') ? `[${host}]` : host
  const server = doorsServer(doors, { isLocal: isLocalName(shownHost), onLine })
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw new HeadstartError('E_LISTEN', `${shownHost}:${port} can't be listened on: ${reasonOf(error)}`, {
      cause: error,
      hint: 'Choose another with --listen HOST:PORT',
    })
  }
  return {
    url: `http://${shownHost}:${portOf(server)}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'it is not an address of this machine',
  EACCES: 'a port below 1024 needs root',
}

const reasonOf = (error: unknown): string => REASONS[codeOf(error) ?? ''] ?? messageOf(error)

function portOf(server: Server): number {
  const address = server.address()
  return address === null || typeof address === 'string' ? 0 : address.port
}
