/** What the server answers: notifications, the page and what it asks for, metrics, health. */
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'
import { readBounded } from '../../system/files/read-bounded.ts'
import { parseJson } from '../../system/text/json.ts'
import type { Job, JobKind } from '../job.ts'
import type { JobState, Queue } from '../queue/types.ts'
import { type Answer, type Door, json, text } from './http.ts'
import type { Intake } from './intake.ts'
import { metricsText, type QueueCounts, type ServerCounts } from './metrics.ts'
import { parseNotification } from './notifications.ts'
import { detailsOf, type Known, type Overview, recordOfKnown, rowsOf } from './overview.ts'
import { isAuthorized } from './secret.ts'

/** What the server has seen since it was started. */
export interface Seen extends ServerCounts {
  readonly notifications: { accepted: number; refused: number; malformed: number }
  readonly polls: { done: number; failed: number }
  polledAt: number | undefined
  /** of the last poll */
  pollError: string | undefined
}

const MAX_BODY = 1 << 20
/** Of JSON in a notification. */
const MAX_VALUES = 100_000

export interface NotificationOptions {
  readonly intake: Intake
  readonly seen: Seen
  readonly secret: string | undefined
  /** takes lines for the log */
  readonly onLine: (line: string) => void
}

export const notificationDoor = ({ intake, seen, secret, onLine }: NotificationOptions): Door => ({
  method: 'POST',
  path: /^\/notifications\/?$/,
  async answer(request) {
    if (secret === undefined || !isAuthorized(request.headers.authorization, secret)) {
      // Registries send each of them again and again.
      if (seen.notifications.refused === 0) onLine(refusedText(secret, request.headers.authorization))
      seen.notifications.refused += 1
      return text(401, 'a notification needs the secret, as Authorization: Bearer SECRET')
    }
    try {
      const pushed = parseNotification(await bodyOf(request))
      if (!intake.accept(pushed)) return text(503, 'too many notifications wait already: send it again later')
    } catch (error) {
      seen.notifications.malformed += 1
      throw error
    }
    seen.notifications.accepted += 1
    return text(202, 'accepted')
  },
})

const refusedText = (secret: string | undefined, header: string | undefined): string => {
  const why =
    secret === undefined
      ? 'this server has no secret to tell registries by'
      : header === undefined
        ? 'it has no Authorization header'
        : 'its Authorization header holds another secret'
  return `a notification was refused: ${why}; further ones are only counted, in /metrics`
}

/** @throws HeadstartError E_TOO_LARGE, E_NOTIFICATION */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY)
    throw new HeadstartError('E_TOO_LARGE', `the notification is larger than ${MAX_BODY} bytes`)
  const body = await readBounded(request, MAX_BODY, 'the notification')
  const subject = { code: 'E_NOTIFICATION', what: 'the notification', maxValues: MAX_VALUES } as const
  return parseJson(body.toString('utf8'), z.unknown(), subject)
}

export interface PageOptions {
  readonly queue: Queue
  readonly seen: Seen
  readonly page: string
  readonly version: string
  readonly commands: (job: Job) => readonly string[]
  /** images that were up to date when they were looked at last; none by default */
  readonly known?: () => readonly Known[]
}

/** The most jobs that the page is made of, and how long they are shown before the queue is asked again, however many look at it. */
const MAX_JOBS = 10_000
const FRESH_MS = 4000

export function pageDoors({ queue, seen, page, version, commands, known = () => [] }: PageOptions): Door[] {
  const overview = kept(FRESH_MS, () => overviewOf(queue, seen, known()))
  const get = (path: RegExp, answer: Door['answer']): Door => ({ method: 'GET', path, answer })
  return [
    get(/^\/$/, async () => ({ status: 200, type: 'text/html', body: page })),
    get(/^\/api\/fleet$/, async () => json(await overview())),
    get(/^\/api\/jobs\/((?:record|rebuild)-[0-9a-f]{64})$/, async (_, [id = '']) => {
      const record =
        (await queue.find(id)) ??
        known()
          .map(recordOfKnown)
          .find((each) => each.id === id)
      return record ? json(detailsOf(record, commands)) : text(404, 'there is no such job any more')
    }),
    get(/^\/api\/queue$/, async () => json(await openJobs(queue))),
    get(/^\/metrics$/, async () => metrics(version, seen, await countsOf(queue))),
    // Alive is not ready: a server without its queue is to be left alone, not started again.
    get(/^\/healthz$/, async () => text(200, 'ok')),
    get(/^\/readyz$/, async () => {
      await queue.counts()
      return text(200, 'ok')
    }),
  ]
}

/** What there is to do, for what starts workers. */
async function openJobs(queue: Queue): Promise<Record<JobKind, { open: number }>> {
  const { record, rebuild } = await queue.counts()
  const open = ({ waiting, running }: Record<JobState, number>) => ({ open: waiting + running })
  return { record: open(record), rebuild: open(rebuild) }
}

async function overviewOf(
  queue: Queue,
  { polledAt, pollError }: Seen,
  known: readonly Known[],
): Promise<Overview> {
  const [counts, records] = await Promise.all([queue.counts(), queue.list({ limit: MAX_JOBS })])
  return {
    counts,
    rows: rowsOf(records, known),
    ...(polledAt !== undefined && { polledAt }),
    ...(pollError !== undefined && { pollError }),
  }
}

const metrics = (version: string, seen: Seen, queue: QueueCounts | undefined): Answer => ({
  status: 200,
  type: 'text/plain; version=0.0.4',
  body: metricsText(version, seen, queue),
})

async function countsOf(queue: Queue): Promise<QueueCounts | undefined> {
  try {
    const [counts, counters] = await Promise.all([queue.counts(), queue.counters()])
    return { counts, counters }
  } catch {
    return undefined
  }
}

/** Asks once for all who ask at the same time or shortly after. */
function kept<T>(freshMs: number, ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  let asked = Number.NEGATIVE_INFINITY
  return () => {
    if (answer && performance.now() - asked < freshMs) return answer
    asked = performance.now()
    answer = ask()
    answer.catch(() => {
      answer = undefined
    })
    return answer
  }
}
