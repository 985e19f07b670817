/** The state file: opened safely, with its tables; every failure of SQLite is one line that names the file. */
import { lstat, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { codeOf, HeadstartError, messageOf } from '../../../system/errors.ts'
import { makeFolder } from '../../../system/files/make-folder.ts'
import { exchangeable, trustedUsers } from '../../../system/files/private-folder.ts'

/** Of the tables below; a file of another version is refused. */
const VERSION = 1
/** `hsf1` */
const APPLICATION = 0x68_73_66_31
/** While another process writes, or makes the file. */
const PATIENCE_MS = 30_000
const POLL_MS = 20

const TABLES = `
  CREATE TABLE jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, registry TEXT NOT NULL, job TEXT NOT NULL, state TEXT NOT NULL,
    priority INTEGER NOT NULL, place INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL, abandoned INTEGER NOT NULL,
    claim TEXT, owner TEXT, added INTEGER NOT NULL, started INTEGER, ended INTEGER, result TEXT, error TEXT, log TEXT NOT NULL
  ) STRICT;
  CREATE INDEX jobs_by_turn ON jobs (state, priority, place);
  CREATE INDEX jobs_by_end ON jobs (kind, state, ended);
  CREATE INDEX jobs_by_change ON jobs (coalesce(ended, started, added));
  CREATE TABLE made (
    target TEXT PRIMARY KEY, repository TEXT NOT NULL, digest TEXT NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL,
    recorded TEXT NOT NULL, at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX made_by_repository ON made (repository, at);
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE begun (registry TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE INDEX begun_by_registry ON begun (registry, at);
`

export interface Database extends Disposable {
  /** What `work` does happens wholly or not at all, and no other process writes meanwhile. It must not wait for anything. */
  together<T>(work: () => T): T
  run(sql: string, ...values: readonly SQLInputValue[]): void
  rows<T>(schema: z.ZodType<T>, sql: string, ...values: readonly SQLInputValue[]): T[]
}

/** @throws HeadstartError E_STATE: it can't be opened or made, isn't ours, or others could replace it */
export async function openDatabase(path: string): Promise<Database> {
  const file = resolve(path)
  await prepareFile(file)
  const { DatabaseSync: Opened } = await sqlite()
  const told = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      if (codeOf(error) !== 'ERR_SQLITE_ERROR') throw error
      throw stateFault(file, messageOf(error), error)
    }
  }
  const db = told(() => new Opened(file, { timeout: PATIENCE_MS }))
  try {
    const since = performance.now()
    while (!told(() => keepsJournal(db))) {
      if (performance.now() - since > PATIENCE_MS) throw stateFault(file, 'another process holds it')
      await sleep(POLL_MS)
    }
    told(() => prepareTables(db, file))
  } catch (error) {
    db.close()
    throw error
  }
  const statements = new Map<string, StatementSync>()
  const statement = (sql: string): StatementSync => {
    const known = statements.get(sql) ?? db.prepare(sql)
    statements.set(sql, known)
    return known
  }
  return {
    together: (work) => told(() => transaction(db, work)),
    run: (sql, ...values) => void told(() => statement(sql).run(...values)),
    rows: (schema, sql, ...values) =>
      told(() => statement(sql).all(...values)).map((row) => schema.parse(row)),
    [Symbol.dispose]: () => db.close(),
  }
}

function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** Of SQLite's results. */
const BUSY = 5

/** @returns false: another process is about to open or close the file, which SQLite doesn't wait for where the journal is changed */
function keepsJournal(db: DatabaseSync): boolean {
  try {
    db.exec('PRAGMA journal_mode = WAL')
    return true
  } catch (error) {
    // What else it says of it is in the higher bits.
    if (error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === BUSY) return false
    throw error
  }
}

function prepareTables(db: DatabaseSync, file: string): void {
  db.exec('PRAGMA synchronous = NORMAL')
  transaction(db, () => {
    const version = numberOf(db, 'user_version')
    const application = numberOf(db, 'application_id')
    if (version === 0 && application === 0 && isEmpty(db))
      db.exec(`${TABLES}; PRAGMA user_version = ${VERSION}; PRAGMA application_id = ${APPLICATION}`)
    else if (application !== APPLICATION) throw stateFault(file, 'it is a database of another program')
    else if (version !== VERSION)
      throw stateFault(file, `it is of version ${version}, and this headstart knows version ${VERSION}`)
  })
}

const numberOf = (db: DatabaseSync, pragma: string): number =>
  Number(db.prepare(`PRAGMA ${pragma}`).get()?.[pragma])

const isEmpty = (db: DatabaseSync): boolean =>
  db.prepare('SELECT name FROM sqlite_schema LIMIT 1').get() === undefined

/** Jobs are performed as they stand there, by root perhaps: nobody else may write to it, or put another in its place. */
async function prepareFile(file: string): Promise<void> {
  try {
    await makeFolder(dirname(file), 0o700)
    const fault = await exchangeable(dirname(file))
    if (fault !== undefined) throw stateFault(file, `others could replace it: ${fault}`)
    const made = await open(file, 'wx', 0o600).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
    await made?.close()
    const { mode, uid, isFile } = await lstat(file).then((info) => ({ ...info, isFile: info.isFile() }))
    if (!isFile) throw stateFault(file, 'it is not a regular file')
    if (!(await trustedUsers()).has(uid)) throw stateFault(file, `it belongs to another user (uid ${uid})`)
    if ((mode & 0o022) !== 0) throw stateFault(file, 'others may write to it')
  } catch (error) {
    if (error instanceof HeadstartError) throw error
    throw stateFault(file, messageOf(error), error)
  }
}

const stateFault = (file: string, why: string, cause?: unknown): HeadstartError =>
  new HeadstartError('E_STATE', `the state file ${file} can't be used: ${why}`, {
    ...(cause !== undefined && { cause }),
    hint: 'Name another one with --state; without its state a fleet looks at every target once more, and goes on from there',
  })

let loading: Promise<typeof import('node:sqlite')> | undefined

/** Node 22 warns that it is experimental, which is true of its interface, and nothing that a person could act on. */
function sqlite(): Promise<typeof import('node:sqlite')> {
  loading ??= (async () => {
    const warn = process.emitWarning
    process.emitWarning = () => {}
    try {
      return await import('node:sqlite')
    } finally {
      process.emitWarning = warn
    }
  })()
  return loading
}
