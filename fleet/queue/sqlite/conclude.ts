/** What comes of an attempt, written down at once: the job's end, what is to be done next, what was made, and what is counted. */
import { countersOf, type Ending } from '../counters.ts'
import { circleOf, KEPT_JOBS, LINES_OF_DONE, toldOf } from '../told.ts'
import type { JobResult, Outcome } from '../types.ts'
import { addInstead, addJobs, type Store } from './add.ts'
import { type Claim, giveBack } from './claim.ts'
import { count, remember } from './made.ts'
import { type Row, rowOf } from './rows.ts'

export type Ended = { readonly outcome: Outcome } | { readonly error: unknown; readonly isStopped: boolean }

/** Nothing happens where another process has taken the job over meanwhile. */
export function conclude(store: Store, claim: Claim, ended: Ended, log: readonly string[]): void {
  store.database.together(() => {
    const row = rowOf(store.database, claim.id)
    if (row?.state !== 'running' || row.claim !== claim.token) return
    if ('outcome' in ended) concludeOutcome(store, claim, ended.outcome, log)
    else concludeError(store, row, ended, log)
  })
}

function concludeOutcome(store: Store, claim: Claim, outcome: Outcome, log: readonly string[]): void {
  const { database } = store
  const { job, id } = claim
  if ('done' in outcome) {
    end(store, claim, { result: outcome.done, log: log.slice(-LINES_OF_DONE) })
    if (outcome.done.made !== undefined) remember(database, job.work, outcome.done.made)
    addJobs(store, outcome.next ?? [], true)
  } else if ('failed' in outcome) end(store, claim, { error: toldOf(outcome.failed), log })
  else if (!addInstead(store, outcome.instead))
    end(store, claim, { error: toldOf(circleOf(outcome.instead)), log })
  else {
    database.run('DELETE FROM jobs WHERE id = ?', id)
    count(database, countersOf(job.kind, 'instead'))
  }
}

interface End {
  readonly result?: JobResult
  readonly error?: string
  readonly log: readonly string[]
}

function end({ database }: Store, { id, job }: Claim, { result, error, log }: End): void {
  const ending: Ending = result ? 'done' : 'failed'
  database.run(
    'UPDATE jobs SET state = ?, claim = NULL, owner = NULL, abandoned = 0, ended = ?, result = ?, error = ?, log = ? WHERE id = ?',
    ending,
    Date.now(),
    result ? JSON.stringify(result) : null,
    error ?? null,
    log.join('\n'),
    id,
  )
  database.run(
    'DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE kind = ? AND state = ? ORDER BY ended DESC LIMIT -1 OFFSET ?)',
    job.kind,
    ending,
    KEPT_JOBS,
  )
  count(database, countersOf(job.kind, ending, result))
}

function concludeError(
  { database, settings }: Store,
  { id, kind, attempts, abandoned }: Row,
  { error, isStopped }: Extract<Ended, { isStopped: boolean }>,
  log: readonly string[],
): void {
  if (isStopped) {
    giveBack(database, id, abandoned)
    count(database, countersOf(kind, 'returned'))
    return
  }
  const isLast = attempts >= settings.attempts
  database.run(
    'UPDATE jobs SET state = ?, claim = NULL, owner = NULL, due = ?, ended = ?, error = ?, log = ? WHERE id = ?',
    isLast ? 'failed' : 'waiting',
    Date.now() + settings.backoffMs * 2 ** (attempts - 1),
    isLast ? Date.now() : null,
    toldOf(error),
    log.join('\n'),
    id,
  )
  count(database, countersOf(kind, isLast ? 'failed' : 'retried'))
}
