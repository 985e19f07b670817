/** Taking a job: the most urgent one that is due and whose registry's rate allows it, for this process alone; and taking over what dead ones left. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { isGone, markOf, ourselves, ownerOf } from '../../../system/process/owner.ts'
import type { Job } from '../../job.ts'
import { countersOf } from '../counters.ts'
import { ABANDONED, MOST_ABANDONED } from '../told.ts'
import type { WorkOptions } from '../types.ts'
import type { Store } from './add.ts'
import { count } from './made.ts'
import { jobIn, linesIn, type Row, rowsOf } from './rows.ts'

export interface Claim {
  readonly id: string
  readonly job: Job
  /** 1 is the first */
  readonly attempt: number
  /** of this attempt: what ends it names it, since another process may have taken the job over */
  readonly token: string
  /** of earlier attempts: its last lines */
  readonly log: readonly string[]
}

/** @param owner mark of this process. @returns undefined: nothing is due now */
export function claim(
  { database }: Store,
  owner: string,
  { kinds, rate }: Pick<WorkOptions, 'kinds' | 'rate'>,
): Claim | undefined {
  return database.together(() => {
    const held = rate ? registriesAt(database, rate) : []
    // What is of the future is of before the clock was set back.
    const [row] = rowsOf(
      database,
      `WHERE state = 'waiting' AND (due <= ?1 OR coalesce(started, added) > ?1) AND kind IN (${marks(kinds.length)}) AND registry NOT IN (${marks(held.length)})
       ORDER BY priority, place LIMIT 1`,
      [Date.now(), ...kinds, ...held],
    )
    if (!row) return undefined
    const job = jobIn(row)
    if (!job) {
      fail(database, row, 'this is not a job that this version of headstart knows')
      return undefined
    }
    const token = randomUUID()
    database.run(
      "UPDATE jobs SET state = 'running', claim = ?, owner = ?, attempts = attempts + 1, started = ?, ended = NULL WHERE id = ?",
      token,
      owner,
      Date.now(),
      row.id,
    )
    if (rate)
      database.run(
        'INSERT INTO begun (registry, at) SELECT registry, ? FROM jobs WHERE id = ?',
        Date.now(),
        row.id,
      )
    return { id: row.id, job, attempt: row.attempts + 1, token, log: linesIn(row) }
  })
}

const marks = (count: number): string => Array.from({ length: count }, () => '?').join(', ')

const registrySchema = z.object({ registry: z.string() })

/** Registries against which as many jobs were begun lately as may be. */
function registriesAt(
  database: Store['database'],
  { jobs, perMs }: NonNullable<WorkOptions['rate']>,
): string[] {
  const since = Date.now() - perMs
  database.run('DELETE FROM begun WHERE at <= ? OR at > ?', since, Date.now())
  return database
    .rows(registrySchema, 'SELECT registry FROM begun GROUP BY registry HAVING count(*) >= ?', jobs)
    .map(({ registry }) => registry)
}

function fail(database: Store['database'], { id, kind }: Row, why: string): void {
  database.run(
    "UPDATE jobs SET state = 'failed', claim = NULL, owner = NULL, ended = ?, error = ? WHERE id = ?",
    Date.now(),
    why,
    id,
  )
  count(database, countersOf(kind, 'failed'))
}

const ownerSchema = z.object({ owner: z.string().nullable() })

/** Jobs of processes that are gone wait again; an attempt that was cut short counts as none, but not endlessly. */
export async function takeOver({ database }: Store): Promise<void> {
  const us = await ourselves()
  const owners = database.rows(ownerSchema, "SELECT DISTINCT owner FROM jobs WHERE state = 'running'")
  for (const { owner } of owners) {
    const process = ownerOf(owner ?? '')
    if (process && !(await isGone(process, us))) continue
    database.together(() => {
      for (const row of rowsOf(database, "WHERE state = 'running' AND owner IS ?", [owner ?? ''])) {
        if (row.abandoned + 1 >= MOST_ABANDONED) fail(database, row, ABANDONED)
        else {
          giveBack(database, row.id, row.abandoned + 1)
          count(database, countersOf(row.kind, 'returned'))
        }
      }
    })
  }
}

/** Within a transaction: the attempt counts as none. */
export const giveBack = (database: Store['database'], id: string, abandoned: number): void =>
  database.run(
    "UPDATE jobs SET state = 'waiting', claim = NULL, owner = NULL, started = NULL, attempts = attempts - 1, abandoned = ? WHERE id = ?",
    abandoned,
    id,
  )

export const ourMark = async (): Promise<string> => markOf(await ourselves())
