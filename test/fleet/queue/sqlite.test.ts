/** The queue in a file: the contract, and what only a file can have: processes that are killed, files that are not ours. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, stat, symlink, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jobId } from '../../../fleet/job.ts'
import { openSqliteQueue } from '../../../fleet/queue/sqlite.ts'
import { until } from '../../../scripts/support/until.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'
import { jobOf, testQueue } from './contract.ts'

let temp: TempFolder
let files = 0
beforeAll(async () => {
  temp = await tempFolder()
})
afterAll(() => temp[Symbol.asyncDispose]())

testQueue('SQLite', async () => {
  files += 1
  const file = `${temp.path}/${files}.sqlite`
  return (settings) => openSqliteQueue({ file, settings: { attempts: 3, backoffMs: 10, ...settings } })
})

interface Worker extends AsyncDisposable {
  readonly begun: string[]
  readonly ended: Promise<unknown>
  kill(): Promise<void>
}

const WORKER = fileURLToPath(new URL('./sqlite-worker.ts', import.meta.url))

function startWorker(file: string, how: 'done' | 'hang'): Worker {
  const child = spawn(process.execPath, [WORKER, file, how], { stdio: ['ignore', 'pipe', 'inherit'] })
  const begun: string[] = []
  let rest = ''
  child.stdout.on('data', (piece: Buffer) => {
    const lines = (rest + piece.toString()).split('\n')
    rest = lines.pop() ?? ''
    begun.push(...lines)
  })
  const ended = once(child, 'close')
  const kill = async () => {
    child.kill('SIGKILL')
    await ended
  }
  return { begun, ended, kill, [Symbol.asyncDispose]: kill }
}

const jobs = (count: number) => Array.from({ length: count }, (_, at) => jobOf('rebuild', at + 1))

test('several processes share a file, and none does what another did', async () => {
  const file = `${temp.path}/shared.sqlite`
  await using queue = await openSqliteQueue({ file })
  const added = jobs(150)
  await queue.add(added)
  const workers = [1, 2, 3].map(() => startWorker(file, 'done'))
  await Promise.all(workers.map(({ ended }) => ended))
  expect(workers.flatMap(({ begun }) => begun).toSorted()).toEqual(added.map((job) => jobId(job)).toSorted())
  expect((await queue.counts()).rebuild).toEqual({ waiting: 0, running: 0, done: 150, failed: 0 })
})

test('a file that another process is about to make is waited for', async () => {
  const file = `${temp.path}/made.sqlite`
  const other = new DatabaseSync(file)
  await chmod(file, 0o600)
  other.exec('BEGIN IMMEDIATE')
  const opening = openSqliteQueue({ file })
  opening.catch(() => {}) // awaited below
  await sleep(300) // long enough to be refused, were it not to wait
  other.exec('COMMIT')
  other.close()
  await using queue = await opening
  expect((await queue.counts()).record.waiting).toBe(0)
})

test('a clock that is set back keeps no job waiting', async () => {
  const file = `${temp.path}/clock.sqlite`
  await using queue = await openSqliteQueue({ file })
  await queue.add(jobs(2))
  using database = new DatabaseSync(file)
  const later = Date.now() + 24 * 3600_000
  // One was added before the clock was set back, one has failed once besides.
  database.prepare('UPDATE jobs SET added = ?, due = ?').run(later, later)
  database
    .prepare('UPDATE jobs SET started = ?, due = ? WHERE id = ?')
    .run(later, later + 1, jobId(jobOf('rebuild', 1)))
  database.prepare('INSERT INTO begun (registry, at) VALUES (?, ?)').run('registry.example', later)
  const stop = new AbortController()
  const rate = { jobs: 2, perMs: 3600_000 }
  const perform = async () => ({ done: { profiles: [], tookMs: 1 } })
  const ended = queue.work({ kinds: ['rebuild'], slots: 1, perform, rate, signal: stop.signal })
  await queue.idle(new AbortController().signal)
  stop.abort()
  await ended
  expect((await queue.counts()).rebuild).toMatchObject({ waiting: 0, done: 2 })
})

test('what a killed process was at, another goes on with; what kills one after the other fails', async () => {
  const file = `${temp.path}/killed.sqlite`
  await using queue = await openSqliteQueue({ file, settings: { attempts: 3, backoffMs: 10 } })
  const killed = async () => {
    await using worker = startWorker(file, 'hang')
    await until('it runs', async () => worker.begun.length === 1)
  }
  const [one, other] = [jobOf('rebuild', 1), jobOf('rebuild', 2)]
  await queue.add([one])
  await killed()
  await killed()
  await using worker = startWorker(file, 'done')
  await worker.ended
  expect(worker.begun).toEqual([jobId(one)])
  expect(await queue.find(jobId(one))).toMatchObject({ state: 'done', attempts: 1 })
  await queue.add([other])
  for (let times = 0; times < 3; times += 1) await killed()
  await queue.idle(new AbortController().signal)
  expect(await queue.find(jobId(other))).toMatchObject({
    state: 'failed',
    error: '3 workers were killed while they did this: it may be what ends them',
  })
})

describe('a file that is not ours is refused in one line:', () => {
  const refused = async (file: string, why: RegExp) =>
    await expect(openSqliteQueue({ file })).rejects.toMatchObject({
      code: 'E_STATE',
      message: expect.stringMatching(why),
    })

  test('no database, or another program’s', async () => {
    await writeFile(
      `${temp.path}/text.sqlite`,
      'hello, this is no database at all; it is a text file\n'.repeat(20),
    )
    await refused(`${temp.path}/text.sqlite`, /text\.sqlite can't be used: file is not a database$/)
    const other = new DatabaseSync(`${temp.path}/other.sqlite`)
    other.exec('CREATE TABLE recipes (name TEXT)')
    other.close()
    await refused(`${temp.path}/other.sqlite`, /it is a database of another program$/)
  })

  test('of another version', async () => {
    const file = `${temp.path}/newer.sqlite`
    await (await openSqliteQueue({ file }))[Symbol.asyncDispose]()
    const newer = new DatabaseSync(file)
    newer.exec('PRAGMA user_version = 2')
    newer.close()
    await refused(file, /it is of version 2, and this headstart knows version 1$/)
  })

  test('in a folder where others could put another', async () => {
    const open = await temp.sub('open')
    await chmod(open, 0o777)
    await refused(`${open}/fleet.sqlite`, /others could replace it: others may write to/)
  })

  test('that others may write to, or that is a link', async () => {
    const file = `${temp.path}/loose.sqlite`
    await (await openSqliteQueue({ file }))[Symbol.asyncDispose]()
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await chmod(file, 0o666)
    await refused(file, /others may write to it$/)
    await symlink('/etc/passwd', `${temp.path}/link.sqlite`)
    await refused(`${temp.path}/link.sqlite`, /it is not a regular file$/)
  })
})
