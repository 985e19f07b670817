/** The fleet's server: who may notify it, what it makes of that, what it shows, and that it goes on whatever fails. */
import { createServer } from 'node:http'
import { createConnection } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Job, jobId } from '../../../fleet/job.ts'
import { openSqliteQueue } from '../../../fleet/queue/sqlite.ts'
import type { Perform, Queue } from '../../../fleet/queue/types.ts'
import type { Pushed } from '../../../fleet/serve/notifications.ts'
import { type ServeOptions, serveFleet } from '../../../fleet/serve/serve.ts'
import { serve as serveOn } from '../../../scripts/support/serve.ts'
import { until } from '../../../scripts/support/until.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'
import { jobOf } from '../queue/contract.ts'

const SECRET = 'the secret of the registry'
const DIGEST = `sha256:${'a'.repeat(64)}`

let temp: TempFolder
let files = 0
let queue: Queue
let server: Served
const started: Served[] = []
beforeAll(async () => {
  temp = await tempFolder()
})
afterAll(() => temp[Symbol.asyncDispose]())
beforeEach(async () => {
  files += 1
  queue = await openSqliteQueue({ file: `${temp.path}/${files}.sqlite`, settings: { attempts: 1 } })
})
afterEach(async () => {
  for (const each of started.splice(0)) await each[Symbol.asyncDispose]()
  await queue[Symbol.asyncDispose]()
})

interface Served extends AsyncDisposable {
  readonly page: string
  readonly notifications: string
  readonly lines: string[]
  readonly pushed: Pushed[]
}

/** The server of this test. */
async function start(more: Partial<ServeOptions> = {}): Promise<void> {
  server = await serve(more)
  started.push(server)
}

async function serve(more: Partial<ServeOptions> = {}): Promise<Served> {
  const stop = new AbortController()
  const listening = Promise.withResolvers<{ page: string; notifications: string }>()
  const lines: string[] = []
  const pushed: Pushed[] = []
  const ended = serveFleet({
    queue,
    listen: { host: '127.0.0.1', port: 0 },
    secret: SECRET,
    poll: async () => [],
    pushed: async (push) => {
      pushed.push(push)
      await queue.add([jobOf('rebuild', 1, { name: push.repository, priority: 0 })])
    },
    everyMs: 3600_000,
    version: '1.2.3',
    page: '<!doctype html><title>page</title>',
    commands: (job: Job) => [`headstart ${job.kind}`],
    onLine: (line) => lines.push(line),
    onListening: (urls) => listening.resolve(urls),
    signal: stop.signal,
    ...more,
  })
  const urls = await Promise.race([listening.promise, ended.then(() => Promise.reject(new Error('ended')))])
  return {
    ...urls,
    lines,
    pushed,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await ended
    },
  }
}

const distribution = (repository: string, tag?: string, action = 'push') => ({
  events: [{ action, target: { repository, digest: DIGEST, tag }, request: { host: 'registry.example' } }],
})

const notify = (body: unknown, headers: Record<string, string> = { Authorization: `Bearer ${SECRET}` }) =>
  fetch(`${server.notifications}/notifications`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const get = (path: string, init?: RequestInit) => fetch(`${server.page}${path}`, init)

describe('notifications', () => {
  test('one with the secret becomes a job', async () => {
    await start()
    expect((await notify(distribution('web', '1'))).status).toBe(202)
    expect((await notify(distribution('api', '2'), { Authorization: SECRET })).status).toBe(202)
    await until('both are jobs', async () => (await queue.counts()).rebuild.waiting === 2)
    expect(server.pushed).toEqual([
      { host: 'registry.example', repository: 'web', tag: '1', digest: DIGEST },
      { host: 'registry.example', repository: 'api', tag: '2', digest: DIGEST },
    ])
  })

  test.each([
    ['none', {}],
    ['another', { Authorization: 'Bearer the secret of the registrx' }],
    ['a part of it', { Authorization: `Bearer ${SECRET.slice(0, -1)}` }],
    ['an empty one', { Authorization: 'Bearer ' }],
    ['in another header', { 'X-Secret': SECRET }],
  ])('with %s it is refused, whatever it says', async (_, headers) => {
    await start()
    const answer = await notify(distribution('web', '1'), headers)
    expect(answer.status).toBe(401)
    expect(await answer.text()).not.toContain(SECRET)
    expect((await notify('{', headers)).status).toBe(401)
    expect(server.pushed).toEqual([])
    expect(await (await get('/metrics')).text()).toContain('notifications_total{result="refused"} 2\n')
    expect(server.lines).toEqual([
      expect.stringMatching(/^a notification was refused: (it has no|its) Authorization header/),
    ])
    expect(server.lines.join()).not.toContain('the secret of')
  })

  test('without a secret none are taken', async () => {
    await start({ secret: undefined })
    for (const Authorization of ['', 'Bearer ', 'Bearer undefined', 'undefined'])
      expect((await notify(distribution('web', '1'), { Authorization })).status).toBe(401)
    expect(server.lines).toEqual([expect.stringContaining('this server has no secret to tell registries by')])
  })

  test('one that waits for its tag keeps no others waiting', async () => {
    const tagged = Promise.withResolvers<void>()
    const seen: string[] = []
    await start({
      pushed: async ({ repository }) => {
        if (repository === 'slow') await tagged.promise
        seen.push(repository)
      },
    })
    await notify(distribution('slow', '1'))
    for (const name of ['a', 'b']) await notify(distribution(name, '1'))
    await until('the others were looked at', () => seen.length === 2)
    await notify(distribution('c', '1'))
    await until('another was looked at', () => seen.length === 3)
    tagged.resolve()
    await until('all were looked at', () => seen.length === 4)
    expect(seen).toEqual(['a', 'b', 'c', 'slow'])
  })

  test.each([
    ['{', 400, /^the notification is not JSON: /],
    ['{"a":1}', 400, /^this is not a notification/],
    ['[[[[[[', 400, /not JSON/],
    [JSON.stringify({ events: Array(1001).fill({}) }), 400, /more than 1000 events/],
    [`{"events":[${'1,'.repeat(200_000)}1]}`, 400, /more than 100000 values/],
    [`"${'x'.repeat(1 << 20)}"`, 413, /larger than 1048576 bytes/],
  ])('what is none is refused: %.20s', async (body, status, said) => {
    await start()
    const answer = await notify(body)
    expect(await answer.text()).toMatch(said)
    expect(answer.status).toBe(status)
    expect((await get('/healthz')).status).toBe(200)
  })

  test('a body without an end, and without a length, is cut off', async () => {
    await start()
    const socket = createConnection(Number(new URL(server.page).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(
      `POST /notifications HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    let answer = ''
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text
    })
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    for (let sent = 0; sent < 64 && !socket.destroyed; sent += 1) {
      socket.write(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await closed
    // Either the answer, or the end of the connection, whichever is seen first.
    expect(answer).toMatch(/^(HTTP\/1\.1 413 |$)/)
    expect((await get('/healthz')).status).toBe(200)
  })

  test('may have an address of their own, which shows nothing', async () => {
    await start({ listenForNotifications: { host: '127.0.0.1', port: 0 } })
    expect(server.notifications).not.toBe(server.page)
    expect((await notify(distribution('web', '1'))).status).toBe(202)
    for (const path of ['/', '/metrics', '/api/fleet', '/healthz'])
      expect((await fetch(server.notifications + path)).status).toBe(404)
    expect((await fetch(`${server.page}/notifications`, { method: 'POST' })).status).toBe(404)
  })

  test('one that fails is told, and the others go on', async () => {
    await start({
      pushed: async ({ repository }) => {
        if (repository === 'bad') throw new HeadstartError('E_REGISTRY', 'the registry says no')
        await queue.add([jobOf('rebuild')])
      },
    })
    await notify(distribution('bad', '1'))
    await notify(distribution('web', '1'))
    await until('the other is a job', async () => (await queue.counts()).rebuild.waiting === 1)
    expect(server.lines).toEqual(["bad:1, which was pushed, can't be looked at: the registry says no"])
  })
})

describe('polls', () => {
  test('go on, whatever fails, and that is told', async () => {
    const results: (() => Promise<readonly string[]>)[] = [
      async () => ['web:1 is gone', 'web:2 is gone'],
      async () => {
        throw new HeadstartError('E_REGISTRY_UNREACHABLE', 'nothing is listening')
      },
      async () => [],
    ]
    const last = Promise.withResolvers<void>()
    await start({
      everyMs: 0,
      poll: async () => {
        const next = results.shift()
        if (!next) {
          last.resolve()
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
        return (await next?.()) ?? []
      },
    })
    await last.promise
    expect(server.lines).toEqual([
      'web:1 is gone',
      'web:2 is gone',
      'the registries could not be looked at: nothing is listening',
    ])
    const metrics = await (await get('/metrics')).text()
    expect(metrics).toContain('polls_total{result="done"} ')
    expect(metrics).toContain('polls_total{result="failed"} 1\n')
  })
})

describe('what it shows', () => {
  async function perform(jobs: readonly Job[], perform: Perform): Promise<void> {
    const stop = new AbortController()
    await queue.add(jobs)
    const ended = queue.work({ kinds: ['record', 'rebuild'], slots: 1, perform, signal: stop.signal })
    await queue.idle(stop.signal)
    stop.abort()
    await ended
  }

  test('the fleet, a row for each target, and a job with its log', async () => {
    const [good, bad] = [jobOf('rebuild', 1), jobOf('record', 2, { name: 'api' })]
    await perform([good, bad], async ({ kind }, { log }) => {
      log('<b>a line</b>')
      return kind === 'record'
        ? { failed: 'never became ready' }
        : { done: { profiles: [], tookMs: 2000, start: { bytes: 10, fullBytes: 100, ms: 1, fullMs: 9 } } }
    })
    await start()
    const answer = await get('/api/fleet')
    const fleet: unknown = await answer.json()
    expect(fleet).toMatchObject({
      counts: { record: { failed: 1 }, rebuild: { done: 1 } },
      rows: [
        { source: 'registry.example/api:1', state: 'failed', kind: 'record', error: 'never became ready' },
        { source: 'registry.example/web:1', state: 'done', result: { start: { bytes: 10, fullBytes: 100 } } },
      ],
    })
    const details: unknown = await (await get(`/api/jobs/${jobId(bad)}`)).json()
    expect(details).toEqual({
      id: jobId(bad),
      state: 'failed',
      error: 'never became ready',
      log: ['<b>a line</b>'],
      commands: ['headstart record'],
      registry: 'registry.example',
    })
    const tag = answer.headers.get('etag') ?? ''
    expect((await get('/api/fleet', { headers: { 'If-None-Match': tag } })).status).toBe(304)
    expect((await get(`/api/jobs/record-${'0'.repeat(64)}`)).status).toBe(404)
  })

  test('what is up to date without a job that is known, such as what another fleet has made', async () => {
    const [made, done] = [jobOf('rebuild', 1, { name: 'made' }), jobOf('rebuild', 1)]
    await queue.add([done])
    await start({ known: () => [made, done].map(({ work }) => ({ work, at: 5 })) })
    expect(await (await get('/api/fleet')).json()).toMatchObject({
      rows: [
        { source: 'registry.example/web:1', state: 'waiting' },
        { source: 'registry.example/made:1', state: 'done', kind: 'rebuild', attempts: 0, at: 5 },
      ],
    })
    expect(await (await get(`/api/jobs/${jobId(made)}`)).json()).toMatchObject({
      state: 'done',
      log: [],
      commands: ['headstart rebuild'],
    })
  })

  test('how many jobs of a kind there are to do', async () => {
    await queue.add([jobOf('rebuild', 1), jobOf('rebuild', 2), jobOf('record', 1)])
    await start()
    expect(await (await get('/api/queue')).json()).toEqual({ record: { open: 1 }, rebuild: { open: 2 } })
  })

  test('metrics', async () => {
    await perform([jobOf('rebuild', 1)], async () => ({
      done: {
        profiles: [],
        tookMs: 20_000,
        bytes: { before: 100, after: 110 },
        start: { bytes: 10, fullBytes: 100, ms: 1, fullMs: 9 },
      },
    }))
    await start()
    const answer = await get('/metrics')
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4')
    const lines = (await answer.text()).split('\n')
    for (const line of [
      'headstart_fleet_info{version="1.2.3"} 1',
      'headstart_fleet_queue_up 1',
      'headstart_fleet_jobs{kind="rebuild",state="done"} 1',
      'headstart_fleet_jobs{kind="record",state="waiting"} 0',
      'headstart_fleet_attempts_total{kind="rebuild",ending="done"} 1',
      'headstart_fleet_job_duration_seconds_bucket{kind="rebuild",le="15"} 0',
      'headstart_fleet_job_duration_seconds_bucket{kind="rebuild",le="30"} 1',
      'headstart_fleet_job_duration_seconds_bucket{kind="rebuild",le="+Inf"} 1',
      'headstart_fleet_job_duration_seconds_sum{kind="rebuild"} 20',
      'headstart_fleet_job_duration_seconds_count{kind="rebuild"} 1',
      'headstart_fleet_layer_bytes_total{of="target"} 110',
      'headstart_fleet_start_bytes_saved_total 90',
    ])
      expect(lines).toContain(line)
    expect(lines.at(-1)).toBe('')
    // Each sample stands under its own name's help and type.
    const names = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2] ?? '')
    expect(new Set(names).size).toBe(names.length)
    for (const line of lines.filter((each) => each !== '' && !each.startsWith('#')))
      expect(
        names.some((name) => line.startsWith(name)),
        line,
      ).toBe(true)
  })

  test('while the queue is away: alive, not ready, and metrics say so', async () => {
    const away = async (): Promise<never> => {
      throw new HeadstartError('E_QUEUE', 'the queue at redis://redis:6379 does not answer')
    }
    await start({ queue: { ...queue, counts: away, list: away, add: away } })
    expect((await get('/healthz')).status).toBe(200)
    for (const path of ['/readyz', '/api/fleet']) {
      const answer = await get(path)
      expect(answer.status).toBe(503)
      expect(await answer.text()).toBe('the queue at redis://redis:6379 does not answer\n')
    }
    const metrics = await (await get('/metrics')).text()
    expect(metrics).toContain('headstart_fleet_queue_up 0\n')
    expect(metrics).not.toContain('headstart_fleet_jobs')
  })

  test('what goes wrong inside is logged, not told', async () => {
    const broken = async (): Promise<never> => {
      throw new Error('a path: /var/lib')
    }
    await start({ queue: { ...queue, list: broken } })
    const answer = await get('/api/fleet')
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('/var')
    expect(server.lines).toEqual(['a request could not be answered: a path: /var/lib'])
  })

  test('only to those who ask by the name of this machine, and by methods and paths that there are', async () => {
    await start()
    const port = Number(new URL(server.page).port)
    const askedAs = async (host: string): Promise<string> => {
      const socket = createConnection(port, '127.0.0.1')
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      let answer = ''
      for await (const piece of socket.setEncoding('latin1')) answer += String(piece)
      return answer
    }
    expect(await askedAs('evil.example')).toMatch(/^HTTP\/1\.1 403 /)
    expect(await askedAs(`127.0.0.1.evil.example:${port}`)).toMatch(/^HTTP\/1\.1 403 /)
    const page = await askedAs(`localhost:${port}`)
    expect(page).toMatch(/^HTTP\/1\.1 200 /)
    expect(page).toMatch(/Content-Security-Policy: frame-ancestors 'none'/)
    expect((await get('/nothing')).status).toBe(404)
    expect((await get('/', { method: 'DELETE' })).status).toBe(405)
    expect(await (await get('/', { method: 'HEAD' })).text()).toBe('')
    expect((await get('/../etc/passwd')).status).toBe(404)
  })
})

test('an address that is taken', async () => {
  await using taken = await serveOn(createServer())
  await expect(serve({ listen: { host: '127.0.0.1', port: taken.port } })).rejects.toMatchObject({
    code: 'E_LISTEN',
    message: `127.0.0.1:${taken.port} can't be listened on: another program listens there`,
  })
  await expect(serve({ listen: { host: '192.0.2.1', port: 0 } })).rejects.toMatchObject({
    message: "192.0.2.1:0 can't be listened on: it is not an address of this machine",
  })
})
