/** Where a fleet's jobs are kept, as the flags say: for every command of a fleet. */
import { lstat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import type { Looking } from '../../fleet/look/look.ts'
import { openSqliteQueue } from '../../fleet/queue/sqlite.ts'
import type { Queue, QueueSettings } from '../../fleet/queue/types.ts'
import { readAuthority } from '../../image/registry/endpoint.ts'
import { codeOf, HeadstartError } from '../../system/errors.ts'
import { durationFlag, positiveFlag } from '../flags/values.ts'

export interface QueueFlags {
  readonly state?: string
  readonly queue?: string
  readonly queueCaFile?: string
}

export const addQueueFlags = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--state <file>',
        'where jobs and their results are kept on this machine (default: /var/lib/headstart/fleet.sqlite for root, else in $XDG_STATE_HOME)',
      ),
    )
    .addOption(
      new Option(
        '--queue <url>',
        'redis://HOST:PORT of the Redis or Valkey that several machines share; better in the environment variable HEADSTART_QUEUE if it has a password',
      ).conflicts('state'),
    )
    .addOption(
      new Option(
        '--queue-ca-file <file>',
        "PEM file of the certificate authority of the queue's server, for rediss://",
      ).conflicts('state'),
    )

export interface RetryFlags {
  readonly attempts: number
  readonly backoff: number
}

/** For who adds jobs: it decides how often they are tried. @param usual backoff in ms */
export const addRetryFlags = (
  command: Command,
  usual: Pick<QueueSettings, 'attempts' | 'backoffMs'>,
): Command =>
  command
    .addOption(
      new Option('--attempts <count>', 'how often a job is begun before it has failed for good')
        .argParser(positiveFlag)
        .default(usual.attempts),
    )
    .addOption(
      new Option('--backoff <duration>', 'wait before the second attempt, doubled before each further one')
        .argParser(durationFlag)
        .default(usual.backoffMs, `${usual.backoffMs / 1000}s`),
    )

export const settingsOf = ({ attempts, backoff }: RetryFlags): Partial<QueueSettings> => ({
  attempts,
  backoffMs: backoff,
})

interface Opening {
  readonly settings?: Partial<QueueSettings>
  /** ms after which the jobs of a worker that is silent go to others, where it is on another machine */
  readonly takeoverMs?: number
  /** takes a line when the queue's server is lost, and one when it is back */
  readonly onNotice?: (line: string) => void
}

/** @throws HeadstartError E_USAGE */
function urlOf({ queue, state, queueCaFile }: QueueFlags): string | undefined {
  const url = queue ?? (state === undefined ? process.env.HEADSTART_QUEUE || undefined : undefined)
  if (url === undefined && queueCaFile !== undefined)
    throw new HeadstartError(
      'E_USAGE',
      '--queue-ca-file is of a queue that has a server, and none is named',
      {
        hint: 'Name it with --queue, or in HEADSTART_QUEUE',
      },
    )
  return url
}

/** @throws HeadstartError E_STATE, E_QUEUE */
export async function openQueue(flags: QueueFlags, { takeoverMs, ...opening }: Opening = {}): Promise<Queue> {
  const url = urlOf(flags)
  if (url === undefined)
    return openSqliteQueue({
      file: flags.state ?? usualState(),
      ...(opening.settings && { settings: opening.settings }),
    })
  const ca = flags.queueCaFile === undefined ? undefined : await readAuthority(flags.queueCaFile)
  // Only who uses it loads it.
  const { openRedisQueue } = await import('../../fleet/queue/bullmq.ts')
  return openRedisQueue({
    url,
    ...(ca !== undefined && { ca }),
    ...(takeoverMs !== undefined && { lockMs: takeoverMs }),
    ...opening,
  })
}

/** What a queue knows that may not be there yet: nothing is made to look at it. @throws HeadstartError E_STATE, E_QUEUE */
export async function openKnown(
  flags: QueueFlags,
  opening: Pick<Opening, 'onNotice'>,
): Promise<Looking['queue'] & AsyncDisposable> {
  if (urlOf(flags) !== undefined || (await isThere(flags.state ?? usualState())))
    return openQueue(flags, opening)
  const nothing = async () => undefined
  return { find: nothing, made: nothing, madeIn: nothing, [Symbol.asyncDispose]: nothing }
}

/** One that we may not look at is there: opening it says what is wrong. */
const isThere = (file: string): Promise<boolean> =>
  lstat(file).then(
    () => true,
    (error: unknown) => codeOf(error) !== 'ENOENT',
  )

function usualState(): string {
  if (process.geteuid?.() === 0) return '/var/lib/headstart/fleet.sqlite'
  const home = process.env.XDG_STATE_HOME ?? join(homedir(), '.local/state')
  return join(home, 'headstart/fleet.sqlite')
}
