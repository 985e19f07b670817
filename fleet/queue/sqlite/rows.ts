/** Jobs as rows of the state file, and back. */
import { z } from 'zod'
import { JOB_KINDS, type Job, jobId, jobSchema } from '../../job.ts'
import { JOB_STATES, type JobRecord, resultSchema } from '../types.ts'
import type { Database } from './database.ts'

const time = z.number().nullable()

const rowSchema = z.object({
  id: z.string(),
  job: z.string(),
  kind: z.enum(JOB_KINDS),
  state: z.enum(JOB_STATES),
  attempts: z.number(),
  abandoned: z.number(),
  claim: z.string().nullable(),
  owner: z.string().nullable(),
  added: z.number(),
  started: time,
  ended: time,
  result: z.string().nullable(),
  error: z.string().nullable(),
  log: z.string(),
})
export type Row = z.infer<typeof rowSchema>

const COLUMNS =
  'id, job, kind, state, attempts, abandoned, claim, owner, added, started, ended, result, error'

/** @param rest of the statement, from WHERE on. @param withLog lists leave it out */
export const rowsOf = (
  database: Database,
  rest: string,
  values: readonly (string | number)[],
  withLog = true,
): Row[] =>
  database.rows(rowSchema, `SELECT ${COLUMNS}, ${withLog ? 'log' : "'' AS log"} FROM jobs ${rest}`, ...values)

export const rowOf = (database: Database, id: string): Row | undefined =>
  rowsOf(database, 'WHERE id = ?', [id])[0]

/** @returns undefined: not one that this version of headstart adds */
export function jobIn({ job, id }: Pick<Row, 'job' | 'id'>): Job | undefined {
  const parsed = jobSchema.safeParse(parsedJson(job)).data
  return parsed && jobId(parsed) === id ? parsed : undefined
}

export const linesIn = ({ log }: Pick<Row, 'log'>): string[] => (log === '' ? [] : log.split('\n'))

export function recordOf(row: Row): JobRecord | undefined {
  const job = jobIn(row)
  if (!job) return undefined
  const { id, state, attempts, added, started, ended, error } = row
  const result = row.result === null ? undefined : resultSchema.safeParse(parsedJson(row.result)).data
  return {
    id,
    job,
    state,
    attempts,
    addedAt: added,
    ...(started !== null && { startedAt: started }),
    ...(ended !== null && { endedAt: ended }),
    ...(result && { result }),
    ...(error !== null && { error }),
    log: linesIn(row),
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
