/** What every queue does, whatever keeps it: one suite for all adapters. */
import { afterEach, describe, expect, test } from 'vitest'
import type { Fleet } from '../../../fleet/config/fleet.ts'
import { type Job, type JobKind, jobId, type Work, workloadsId } from '../../../fleet/job.ts'
import { performer } from '../../../fleet/perform/perform.ts'
import type { Outcome, Perform, Queue, QueueSettings, WorkOptions } from '../../../fleet/queue/types.ts'
import { until } from '../../../scripts/support/until.ts'

/** Opens the same queue whenever it is called, as another process would. */
export type OpenQueue = (settings?: Partial<QueueSettings>) => Promise<Queue>

type Digest = Job['work']['digest']

const digest = (of: number): Digest => `sha256:${of.toString(16).padStart(64, '0')}`

export function jobOf(kind: JobKind, build = 1, more: Partial<Job> & { readonly name?: string } = {}): Job {
  const { name = 'web', ...rest } = more
  return {
    kind,
    work: {
      source: `registry.example/${name}:1`,
      digest: digest(build),
      target: `registry.example/${name}:1-esgz`,
      workloads: [{ name: 'default', flags: ['--ready-log', 'up'], command: [] }],
      optimizeFlags: [],
      minCoverage: 0.8,
      budget: {},
    },
    priority: 10,
    ...rest,
  }
}

/** A configuration that asks for the job, and for the same of every other image. */
export const fleetOf = ({ workloads, optimizeFlags, minCoverage, budget }: Work): Fleet => ({
  entries: [
    {
      ...{ line: 1, repositories: [], tags: ['*'], has: () => true, target: '{repository}:{tag}-esgz' },
      ...{ platforms: 'all', workloads, optimizeFlags, minCoverage, budget },
    },
  ],
})

const done = (made?: Digest): Outcome => ({
  done: { profiles: [], tookMs: 1500, ...(made !== undefined && { made }) },
})
const both: readonly JobKind[] = ['record', 'rebuild']

/** @param fresh an empty queue for each test, of three attempts that follow each other at once; what it returns opens it */
export function testQueue(name: string, fresh: () => Promise<OpenQueue>): void {
  const running: { stop(): Promise<void> }[] = []
  const opened: Queue[] = []
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop()))
    await Promise.all(opened.splice(0).map((each) => each[Symbol.asyncDispose]()))
  })

  async function openOne(open: OpenQueue, settings?: Partial<QueueSettings>): Promise<Queue> {
    const queue = await open(settings)
    opened.push(queue)
    return queue
  }

  /** Works in the background until the test ends. */
  function work(queue: Queue, perform: Perform, more: Partial<WorkOptions> = {}): { stop(): Promise<void> } {
    const stop = new AbortController()
    const ended = queue.work({ kinds: both, slots: 1, perform, signal: stop.signal, ...more })
    const worker = {
      stop: async () => {
        stop.abort()
        await ended
      },
    }
    running.push(worker)
    return worker
  }

  const idle = (queue: Queue) => queue.idle(new AbortController().signal)

  describe(name, () => {
    test('a job is added once, and found by its name', async () => {
      const queue = await openOne(await fresh())
      const job = jobOf('rebuild')
      expect(await queue.add([job, jobOf('record')])).toBe(2)
      expect(await queue.add([job])).toBe(0)
      expect(await queue.add([{ ...job, priority: 0, profileFrom: 'registry.example/web:0' }])).toBe(0)
      expect(await queue.find(jobId(job))).toMatchObject({ job, state: 'waiting', attempts: 0, log: [] })
      expect(await queue.find(jobId(jobOf('rebuild', 2)))).toBeUndefined()
      expect(await queue.find('nothing')).toBeUndefined()
      expect(await queue.counts()).toMatchObject({ record: { waiting: 1 }, rebuild: { waiting: 1, done: 0 } })
    })

    test('the most urgent first, and those as urgent in the order in which they came', async () => {
      const queue = await openOne(await fresh())
      const order: number[] = []
      const priorities = [500, 10, 1000, 0, 10]
      for (const [at, priority] of priorities.entries())
        await queue.add([jobOf('rebuild', at + 1, { priority })])
      work(queue, async ({ work }) => {
        order.push(Number.parseInt(work.digest.slice(-4), 16))
        return done()
      })
      await idle(queue)
      expect(order).toEqual([4, 2, 5, 1, 3])
    })

    test('what a job has made is kept, for it and for its target', async () => {
      const open = await fresh()
      const queue = await openOne(open)
      const job = jobOf('rebuild')
      await queue.add([job])
      const result = {
        made: digest(99),
        bytes: { before: 100, after: 110 },
        start: { bytes: 10, fullBytes: 100, ms: 5, fullMs: 50 },
        profiles: [{ name: 'default', recordedAt: '2026-01-02T03:04:05.000Z' }],
        coverage: 0.9,
        tookMs: 1500,
      }
      work(queue, async (_, { log, attempt }) => {
        log(`attempt ${attempt}`)
        log('a \u001b[31mred\u001b[0m line')
        return { done: result }
      })
      await idle(queue)
      const other = await openOne(open)
      const found = await other.find(jobId(job))
      expect(found).toMatchObject({ state: 'done', attempts: 1, result })
      expect(found?.log).toEqual(['attempt 1', 'a \\u001b[31mred\\u001b[0m line'])
      expect(Number(found?.endedAt)).toBeGreaterThanOrEqual(Number(found?.startedAt))
      expect(Number(found?.startedAt)).toBeGreaterThanOrEqual(Number(found?.addedAt))
      expect(await other.made(job.work.target)).toMatchObject({
        digest: digest(99),
        source: job.work.digest,
        id: jobId(job),
      })
      expect(await other.made('registry.example/other:1')).toBeUndefined()
      expect(await other.add([job])).toBe(0)
    })

    test("a tag that is moved back needs the older build's product again", async () => {
      const queue = await openOne(await fresh())
      const [older, newer] = [jobOf('rebuild', 1), jobOf('rebuild', 2)]
      work(queue, async ({ work }) => done(`sha256:${work.digest.slice(-1).repeat(64)}`))
      for (const job of [older, newer, older]) {
        expect(await queue.add([job])).toBe(1)
        await idle(queue)
        expect((await queue.made(job.work.target))?.id).toBe(jobId(job))
      }
      expect(await queue.add([older])).toBe(0)
    })

    test('what another fleet made can be adopted; the newest of a repository is known', async () => {
      const queue = await openOne(await fresh())
      const [one, two] = [jobOf('rebuild', 1), jobOf('rebuild', 2)]
      const other = { ...two, work: { ...two.work, target: 'registry.example/web:2-esgz' } }
      await queue.adopt(one.work, digest(11))
      expect(await queue.add([one])).toBe(0)
      const adopted = { target: one.work.target, digest: digest(11), source: digest(1), id: jobId(one) }
      expect(await queue.made(one.work.target)).toMatchObject({ ...adopted, recorded: workloadsId(one.work) })
      expect(await queue.madeIn('registry.example/web')).toMatchObject(adopted)
      await queue.add([other])
      work(queue, async () => done(digest(12)))
      await idle(queue)
      expect(await queue.madeIn('registry.example/web')).toMatchObject({
        digest: digest(12),
        id: jobId(other),
      })
      expect(await queue.madeIn('registry.example/none')).toBeUndefined()
    })

    test('what fails is tried again, so often and no more, and the last failure is told', async () => {
      const queue = await openOne(await fresh())
      const job = jobOf('rebuild')
      let attempts = 0
      await queue.add([job])
      work(queue, async (_, { attempt, log }) => {
        attempts += 1
        log(`attempt ${attempt}`)
        throw new Error(`no ${attempt}: https://me:secret@registry.example/?token=secret`)
      })
      await idle(queue)
      expect(attempts).toBe(3)
      const found = await queue.find(jobId(job))
      expect(found).toMatchObject({ state: 'failed', attempts: 3 })
      expect(found?.error).toBe('no 3: https://***@registry.example/?***')
      expect(found?.log).toEqual(['attempt 1', 'attempt 2', 'attempt 3'])
      expect(await queue.made(job.work.target)).toBeUndefined()
    })

    test('what failed for good is left alone, unless it is asked for, or long ago', async () => {
      const open = await fresh()
      const queue = await openOne(open)
      const job = jobOf('record')
      let attempts = 0
      work(queue, async () => {
        attempts += 1
        return { failed: 'never became ready' }
      })
      await queue.add([job])
      await idle(queue)
      expect(attempts).toBe(1)
      expect(await queue.find(jobId(job))).toMatchObject({ state: 'failed', error: 'never became ready' })
      expect(await queue.add([job])).toBe(0)
      expect(await queue.add([job], { again: true })).toBe(1)
      await idle(queue)
      const patient = await openOne(open, { retryAfterMs: 0 })
      expect(await patient.add([job])).toBe(1)
      await idle(queue)
      expect(attempts).toBe(3)
    })

    test("what a worker's own configuration does not ask for fails at once, and can be asked for again at once", async () => {
      const queue = await openOne(await fresh())
      const job = jobOf('rebuild')
      const asked = jobOf('rebuild', 1, { name: 'asked' })
      let entries = fleetOf({ ...job.work, minCoverage: 0.5 }).entries
      work(
        queue,
        performer({
          program: ['/nothing/there'],
          access: [],
          fleet: async () => ({ entries }),
          allowed: new Set(),
        }),
      )
      await queue.add([job])
      await idle(queue)
      expect(await queue.find(jobId(job))).toMatchObject({
        state: 'failed',
        attempts: 1,
        error: expect.stringMatching(/^refused: this worker's fleet\.yaml has other settings for .*web:1/),
      })
      // It is asked for now, and fails of something else: that is left alone.
      entries = fleetOf(job.work).entries
      expect(await queue.add([job, asked])).toBe(2)
      await idle(queue)
      expect(await queue.find(jobId(job))).toMatchObject({
        error: 'up is not a flag that a workload can have',
      })
      expect(await queue.add([job, asked])).toBe(0)
    })

    test('a rebuild that asks for a record is forgotten, and comes back after it', async () => {
      const queue = await openOne(await fresh())
      const [record, rebuild] = [jobOf('record'), jobOf('rebuild')]
      const order: JobKind[] = []
      await queue.add([rebuild])
      const perform: Perform = async ({ kind }) => {
        order.push(kind)
        if (kind === 'record') return { ...done(), next: [rebuild] }
        return order.length === 1 ? { instead: [record] } : done(digest(7))
      }
      work(queue, perform)
      work(queue, perform)
      await idle(queue)
      expect(order).toEqual(['rebuild', 'record', 'rebuild'])
      expect(await queue.find(jobId(record))).toMatchObject({ state: 'done' })
      expect(await queue.find(jobId(rebuild))).toMatchObject({ state: 'done', attempts: 1 })
    })

    test('a rebuild that asks for a record again and again fails', async () => {
      const queue = await openOne(await fresh())
      const [record, rebuild] = [jobOf('record'), jobOf('rebuild')]
      await queue.add([rebuild])
      work(queue, async ({ kind }) =>
        kind === 'record' ? { ...done(), next: [rebuild] } : { instead: [record] },
      )
      await idle(queue)
      const found = await queue.find(jobId(rebuild))
      expect(found?.state).toBe('failed')
      expect(found?.error).toMatch(
        /^it asks for the record job record-[0-9a-f]{12} again, which was done just now$/,
      )
    })

    test('a rebuild whose record failed is forgotten', async () => {
      const queue = await openOne(await fresh())
      const [record, rebuild] = [jobOf('record'), jobOf('rebuild')]
      await queue.add([rebuild])
      work(queue, async ({ kind }) => (kind === 'record' ? { failed: 'not ready' } : { instead: [record] }))
      await idle(queue)
      expect(await queue.find(jobId(rebuild))).toBeUndefined()
      expect(await queue.list()).toMatchObject([{ state: 'failed', error: 'not ready' }])
    })

    test('a rebuild that nobody wants any more is forgotten', async () => {
      const queue = await openOne(await fresh())
      const rebuild = jobOf('rebuild')
      await queue.add([rebuild])
      work(queue, async () => ({ instead: [] }))
      await idle(queue)
      expect(await queue.find(jobId(rebuild))).toBeUndefined()
      expect(await queue.list()).toEqual([])
    })

    test('a worker takes only its kinds, and no more than its slots', async () => {
      const queue = await openOne(await fresh())
      let [now, most] = [0, 0]
      const kinds = new Set<JobKind>()
      const two = Promise.withResolvers<void>()
      const perform: Perform = async ({ kind }) => {
        kinds.add(kind)
        now += 1
        most = Math.max(most, now)
        if (now === 2) two.resolve()
        await two.promise
        await new Promise((resolve) => setTimeout(resolve, 30)) // for a third, if that were begun
        now -= 1
        return done()
      }
      await queue.add([1, 2, 3, 4, 5, 6].map((build) => jobOf('rebuild', build)))
      await queue.add([jobOf('record')])
      const worker = work(queue, perform, { kinds: ['rebuild'], slots: 2 })
      await until('all rebuilt', async () => (await queue.counts()).rebuild.done === 6)
      await worker.stop()
      expect([...kinds]).toEqual(['rebuild'])
      expect(most).toBe(2)
      expect((await queue.counts()).record).toMatchObject({ waiting: 1, running: 0 })
      await queue.add([7, 8, 9].map((build) => jobOf('rebuild', build)))
      most = 0
      work(queue, perform)
      await idle(queue)
      expect([...kinds]).toEqual(['rebuild', 'record'])
      expect(most).toBe(1)
    })

    test('what a busy worker cannot begin is left to others', async () => {
      const open = await fresh()
      const [busy, other] = [await openOne(open), await openOne(open)]
      const begun = Promise.withResolvers<void>()
      const end = Promise.withResolvers<void>()
      const byBusy: JobKind[] = []
      work(busy, async ({ kind }) => {
        byBusy.push(kind)
        begun.resolve()
        await end.promise
        return done()
      })
      await busy.add([jobOf('record')])
      await begun.promise
      await busy.add([1, 2, 3].map((build) => jobOf('rebuild', build)))
      work(other, async () => done(), { kinds: ['rebuild'] })
      await until('they are rebuilt', async () => (await busy.counts()).rebuild.done === 3)
      expect(byBusy).toEqual(['record'])
      end.resolve()
      await idle(busy)
      await busy.add([jobOf('rebuild', 4), jobOf('record', 4)])
      await idle(busy)
    })

    test('jobs of a worker that stops go back to the queue, and count as no attempt', async () => {
      const queue = await openOne(await fresh())
      const job = jobOf('rebuild')
      await queue.add([job, jobOf('rebuild', 2)])
      let begun = 0
      const worker = work(queue, async (_, { signal }) => {
        begun += 1
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        return done()
      })
      await until('it runs', async () => begun === 1 && (await queue.counts()).rebuild.running === 1)
      await worker.stop()
      expect((await queue.counts()).rebuild).toMatchObject({ waiting: 2, running: 0 })
      const attempts: number[] = []
      work(queue, async (_, { attempt }) => {
        attempts.push(attempt)
        return done()
      })
      await idle(queue)
      expect(attempts).toEqual([1, 1])
      expect(begun).toBe(1)
    })

    test('within its grace a running job ends by itself, and no other is begun', async () => {
      const queue = await openOne(await fresh())
      await queue.add([jobOf('rebuild', 1), jobOf('rebuild', 2), jobOf('record', 3)])
      let jobs = 0
      const begun = Promise.withResolvers<void>()
      const end = Promise.withResolvers<void>()
      const worker = work(
        queue,
        async () => {
          jobs += 1
          begun.resolve()
          await end.promise
          return done(digest(3))
        },
        { graceMs: 600_000 },
      )
      await begun.promise
      const stopped = worker.stop()
      end.resolve()
      await stopped
      expect(jobs).toBe(1)
      const { record, rebuild } = await queue.counts()
      expect([record.waiting + rebuild.waiting, record.running + rebuild.running]).toEqual([2, 0])
      expect(record.done + rebuild.done).toBe(1)
    })

    test('two workers never do the same job', async () => {
      const open = await fresh()
      const [one, other] = [await openOne(open), await openOne(open)]
      const ids: string[] = []
      const perform: Perform = async (job) => {
        ids.push(jobId(job))
        return done()
      }
      const jobs = Array.from({ length: 60 }, (_, at) => jobOf('rebuild', at + 1))
      work(one, perform, { slots: 3 })
      work(other, perform, { slots: 3 })
      const added = await Promise.all([one.add(jobs), other.add(jobs)])
      await idle(one)
      expect(added[0] + added[1]).toBeGreaterThanOrEqual(60)
      expect(ids.toSorted()).toEqual(jobs.map((job) => jobId(job)).toSorted())
    })

    test("a registry's rate holds back its jobs, and no other's", async () => {
      const queue = await openOne(await fresh())
      const slow = [1, 2, 3].map((build) => jobOf('rebuild', build))
      const other = jobOf('rebuild', 4)
      const elsewhere = { ...other, work: { ...other.work, source: 'other.example/web:1' }, priority: 900 }
      const order: string[] = []
      await queue.add([...slow, elsewhere])
      // A window that never ends while this runs.
      work(
        queue,
        async ({ work }) => {
          order.push(work.source)
          return done()
        },
        { rate: { jobs: 2, perMs: 1000 * 3600 * 24 * 365 * 100 } },
      )
      await until('the others are done', async () => (await queue.counts()).rebuild.done === 3)
      expect(order.toSorted()).toEqual([
        'other.example/web:1',
        'registry.example/web:1',
        'registry.example/web:1',
      ])
      expect((await queue.counts()).rebuild).toMatchObject({ waiting: 1, running: 0, failed: 0 })
    })

    test('lists: the newest first, by state, bounded, without logs', async () => {
      const queue = await openOne(await fresh())
      work(queue, async ({ work }, { log }) => {
        log('a line')
        return work.digest === digest(2) ? { failed: 'no' } : done()
      })
      for (const build of [1, 2, 3]) {
        await queue.add([jobOf('rebuild', build)])
        await idle(queue)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      const builds = async (options: Parameters<Queue['list']>[0]) =>
        (await queue.list(options)).map(({ job, state, log }) => [job.work.digest, state, log.length])
      expect(await builds({})).toEqual([
        [digest(3), 'done', 0],
        [digest(2), 'failed', 0],
        [digest(1), 'done', 0],
      ])
      expect(await builds({ limit: 1 })).toEqual([[digest(3), 'done', 0]])
      expect(await builds({ state: 'failed' })).toEqual([[digest(2), 'failed', 0]])
    })

    test('counters add up, and never fall', async () => {
      const queue = await openOne(await fresh())
      work(queue, async ({ kind }) => {
        if (kind === 'record') return { failed: 'no' }
        return { done: { profiles: [], tookMs: 20_000, bytes: { before: 100, after: 90 } } }
      })
      await queue.add([jobOf('rebuild', 1), jobOf('rebuild', 2), jobOf('record', 1)])
      await idle(queue)
      await until('all are counted', async () => (await queue.counters())['ended.rebuild.done'] === 2)
      expect(await queue.counters()).toEqual({
        'ended.rebuild.done': 2,
        'ended.record.failed': 1,
        'ms.rebuild': 40_000,
        'layers.before': 200,
        'layers.after': 180,
        ...Object.fromEntries([30, 60, 120, 300, 600, 1800, 3600].map((s) => [`within.rebuild.${s}`, 2])),
      })
    })

    test('waiting for idleness ends with its signal', async () => {
      const queue = await openOne(await fresh())
      await queue.add([jobOf('rebuild')])
      const stop = new AbortController()
      const waiting = queue.idle(stop.signal)
      stop.abort()
      await expect(waiting).rejects.toThrow()
    })
  })
}
