/** What Prometheus scrapes, in its text form, version 0.0.4. Pure. */
import { JOB_KINDS, type JobKind } from '../job.ts'
import { DURATIONS_S, durationCounter, ENDINGS, endingCounter, timeCounter } from '../queue/counters.ts'
import { type Counters, JOB_STATES, type JobState } from '../queue/types.ts'

/** What the server itself counts. */
export interface ServerCounts {
  readonly notifications: Readonly<Record<'accepted' | 'refused' | 'malformed', number>>
  readonly polls: Readonly<Record<'done' | 'failed', number>>
  /** ms since 1970 */
  readonly polledAt: number | undefined
}

/** undefined: it doesn't answer */
export interface QueueCounts {
  readonly counts: Readonly<Record<JobKind, Readonly<Record<JobState, number>>>>
  readonly counters: Counters
}

type Labels = Readonly<Record<string, string | number>>
type Sample = readonly [labels: Labels, value: number, suffix?: string]

const quoted = (value: string | number): string =>
  `"${String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`

function sampleLine(name: string, [labels, value, suffix = '']: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}=${quoted(text)}`)
  return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`
}

function metric(
  name: string,
  type: 'gauge' | 'counter' | 'histogram',
  help: string,
  samples: readonly Sample[],
) {
  const full = `headstart_fleet_${name}`
  if (samples.length === 0) return []
  return [
    `# HELP ${full} ${help}`,
    `# TYPE ${full} ${type}`,
    ...samples.map((each) => sampleLine(full, each)),
  ]
}

/** @param version of headstart */
export function metricsText(version: string, server: ServerCounts, queue: QueueCounts | undefined): string {
  const lines = [
    ...metric('info', 'gauge', 'The version of headstart.', [[{ version }, 1]]),
    ...metric('queue_up', 'gauge', 'Whether the queue answers.', [[{}, queue ? 1 : 0]]),
    ...(queue ? queueLines(queue) : []),
    ...metric('notifications_total', 'counter', 'Notifications of registries, by what became of them.', [
      ...Object.entries(server.notifications).map(([result, count]): Sample => [{ result }, count]),
    ]),
    ...metric('polls_total', 'counter', 'How often all registries were looked at.', [
      ...Object.entries(server.polls).map(([result, count]): Sample => [{ result }, count]),
    ]),
    ...metric(
      'last_poll_timestamp_seconds',
      'gauge',
      'When all registries were looked at last.',
      server.polledAt === undefined ? [] : [[{}, server.polledAt / 1000]],
    ),
  ]
  return `${lines.join('\n')}\n`
}

function queueLines({ counts, counters }: QueueCounts): string[] {
  const sum = (name: string): number => counters[name] ?? 0
  const pairs = <T extends string>(values: readonly T[]) =>
    JOB_KINDS.flatMap((kind) => values.map((value) => [kind, value] as const))
  return [
    ...metric(
      'jobs',
      'gauge',
      'Jobs that the queue knows, by kind and state.',
      pairs(JOB_STATES).map(([kind, state]): Sample => [{ kind, state }, counts[kind][state]]),
    ),
    ...metric(
      'attempts_total',
      'counter',
      'Attempts that have ended, by how.',
      pairs(ENDINGS).map(([kind, ending]): Sample => [{ kind, ending }, sum(endingCounter(kind, ending))]),
    ),
    ...metric(
      'job_duration_seconds',
      'histogram',
      'How long jobs took that were done.',
      JOB_KINDS.flatMap((kind) => histogram(kind, sum)),
    ),
    ...metric('layer_bytes_total', 'counter', 'Bytes of the layers of rebuilt images, before and after.', [
      [{ of: 'source' }, sum('layers.before')],
      [{ of: 'target' }, sum('layers.after')],
    ]),
    ...metric('start_bytes_total', 'counter', 'Bytes that one start of each rebuilt image fetches.', [
      [{ pull: 'full' }, sum('start.full')],
      [{ pull: 'lazy' }, sum('start.lazy')],
    ]),
    ...metric('start_bytes_saved_total', 'counter', 'Bytes that one start of each rebuilt image saves.', [
      [{}, Math.max(0, sum('start.full') - sum('start.lazy'))],
    ]),
  ]
}

function histogram(kind: JobKind, sum: (name: string) => number): Sample[] {
  const count = sum(endingCounter(kind, 'done'))
  return [
    ...DURATIONS_S.map((le): Sample => [{ kind, le }, sum(durationCounter(kind, le)), '_bucket']),
    [{ kind, le: '+Inf' }, count, '_bucket'],
    [{ kind }, sum(timeCounter(kind)) / 1000, '_sum'],
    [{ kind }, count, '_count'],
  ]
}
