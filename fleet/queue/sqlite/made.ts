/** What was made under each target, and the sums: they outlive the jobs that they are of. */
import { z } from 'zod'
import { jobId, repositoryOf, type Work, workloadsId } from '../../job.ts'
import { type Counters, type Made, madeSchema } from '../types.ts'
import type { Database } from './database.ts'

const COLUMNS = 'target, digest, source, id, recorded, at'

export const madeUnder = (database: Database, target: string): Made | undefined =>
  database.rows(madeSchema, `SELECT ${COLUMNS} FROM made WHERE target = ?`, target)[0]

export const madeIn = (database: Database, repository: string): Made | undefined =>
  database.rows(
    madeSchema,
    `SELECT ${COLUMNS} FROM made WHERE repository = ? ORDER BY at DESC, rowid DESC LIMIT 1`,
    repository,
  )[0]

/** @param digest what the target was given */
export const remember = (database: Database, work: Work, digest: string): void =>
  database.run(
    'INSERT OR REPLACE INTO made (target, repository, digest, source, id, recorded, at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    work.target,
    repositoryOf(work.target),
    digest,
    work.digest,
    jobId({ kind: 'rebuild', work }),
    workloadsId(work),
    Date.now(),
  )

export function count(database: Database, counted: Counters): void {
  for (const [name, by] of Object.entries(counted))
    database.run(
      'INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value',
      name,
      by,
    )
}

const counterSchema = z.object({ name: z.string(), value: z.number() })

export const countersIn = (database: Database): Counters =>
  Object.fromEntries(
    database.rows(counterSchema, 'SELECT name, value FROM counters').map(({ name, value }) => [name, value]),
  )
