/** What a worker does with a job that it has taken: checks it, performs it, and tells BullMQ what came of it. */
import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq'
import { type Job, type JobKind, registryOf } from '../../job.ts'
import { countersOf, type Ending } from '../counters.ts'
import { circleOf, LINES_OF_DONE, toldOf } from '../told.ts'
import type { JobResult, Outcome, QueueSettings, WorkOptions } from '../types.ts'
import { addInstead, addNext } from './add.ts'
import { jobLog } from './job-log.ts'
import { takeTurn } from './rate.ts'
import { jobIn, type Stored } from './records.ts'
import { count, remember, type Store } from './store.ts'

export interface Taking extends Pick<WorkOptions, 'perform' | 'rate'> {
  /** whose commands wait for a server that is away */
  readonly store: Store
  readonly kind: JobKind
  /** @returns a slot, free again when it is disposed; undefined: all are taken */
  readonly enter: () => Disposable | undefined
  /** ends taking jobs */
  readonly ending: AbortSignal
  /** tells running jobs to stop */
  readonly stop: AbortSignal
}

/**
 * @param token BullMQ's proof that the job is ours
 * @param lost aborts when it isn't any more: another worker has taken it
 */
export async function take(
  stored: Stored,
  token: string,
  lost: AbortSignal,
  taking: Taking,
): Promise<unknown> {
  const { store, kind, rate, stop } = taking
  // It came while we were about to stop, or took another kind of job.
  using slot = taking.ending.aborted ? undefined : taking.enter()
  if (!slot) return await handBack(stored, token)
  const job = jobIn(kind, stored)
  if (!job) throw new UnrecoverableError('this is not a job that this version of headstart knows')
  const own = { ...taking, store: { ...store, settings: settingsOf(stored, store.settings) } }
  const wait = rate ? await takeTurn(store.client, store.key(`rate:${registryOf(job.work)}`), rate) : 0
  if (wait > 0) {
    await stored.moveToDelayed(Date.now() + wait, token)
    throw new DelayedError()
  }
  const signal = AbortSignal.any([lost, stop])
  let outcome: Outcome
  try {
    outcome = await perform(job, stored, signal, own)
  } catch (error) {
    if (stop.aborted && !lost.aborted) {
      await count(store, countersOf(kind, 'returned'))
      return await handBack(stored, token)
    }
    const isLast = stored.attemptsMade + 1 >= own.store.settings.attempts
    if (!lost.aborted) await count(store, countersOf(kind, isLast ? 'failed' : 'retried'))
    throw plain(error)
  }
  return await conclude(job, outcome, stored, own)
}

/** What follows from a job is tried as often as itself: who asked for it has decided that. */
function settingsOf({ opts: { attempts, backoff } }: Stored, usual: QueueSettings): QueueSettings {
  const backoffMs = typeof backoff === 'object' ? backoff.delay : undefined
  return {
    ...usual,
    ...(attempts !== undefined && { attempts }),
    ...(backoffMs !== undefined && { backoffMs }),
  }
}

async function handBack(stored: Stored, token: string): Promise<never> {
  await stored.moveToWait(token)
  throw new WaitingError()
}

async function perform(
  job: Job,
  stored: Stored,
  signal: AbortSignal,
  { perform, store }: Taking,
): Promise<Outcome> {
  await using log = jobLog(stored)
  return await perform(job, {
    attempt: stored.attemptsMade + 1,
    attempts: store.settings.attempts,
    signal,
    log: (line) => log.write(line),
  })
}

/** What an error says, in one line, and nothing else of it: BullMQ stores its stack as well. */
function plain(error: unknown): Error {
  const told = new Error(toldOf(error))
  told.stack = ''
  return told
}

async function conclude(
  job: Job,
  outcome: Outcome,
  stored: Stored,
  { store, kind }: Taking,
): Promise<JobResult | undefined> {
  const tell = (ending: Ending, result?: JobResult) => count(store, countersOf(kind, ending, result))
  const fail = async (message: string): Promise<never> => {
    await tell('failed')
    throw new UnrecoverableError(toldOf(message))
  }
  if ('failed' in outcome) return await fail(outcome.failed)
  if ('instead' in outcome) {
    if (!(await addInstead(store, outcome.instead))) return await fail(circleOf(outcome.instead))
    await tell('instead')
    // Forgotten when it ends: it is added again by what is done instead.
    stored.opts.removeOnComplete = true
    return undefined
  }
  if (outcome.done.made !== undefined) await remember(store, job.work, outcome.done.made)
  await addNext(store, outcome.next ?? [])
  await stored.clearLogs(LINES_OF_DONE)
  await tell('done', outcome.done)
  return outcome.done
}
