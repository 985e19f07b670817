/** Threads that do jobs, started as jobs come. The first failure of one fails every job, waiting or yet to come. */
import { Worker } from 'node:worker_threads'
import { isErrorCode } from '../../system/error-codes.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { Reply, Request, Result } from './worker.ts'

/** A thread's memory is its jobs' bytes, which lie outside its heap; a small young generation keeps dead ones from piling up. */
const LIMITS = { maxYoungGenerationSizeMb: 4 }
/** The one it works on and the next, so that it never waits for the main thread. */
const JOBS_PER_THREAD = 2

type Job = Request['job']
interface Waiting {
  readonly job: Job
  resolve(result: Result): void
  reject(error: unknown): void
}
interface Thread {
  readonly worker: Worker
  readonly jobs: Map<number, Waiting>
}

export interface Threads {
  submit(job: Job): Promise<Result>
  fail(error: Error): void
  end(): Promise<void>
}

/** @param onFailure called with the first failure */
export function createThreads(limit: number, onFailure: (error: Error) => void): Threads {
  const threads: Thread[] = []
  const waiting: Waiting[] = []
  let failure: Error | undefined
  let lastId = 0

  const fail = (error: Error) => {
    failure ??= error
    for (const { reject } of [...waiting.splice(0), ...threads.flatMap(({ jobs }) => [...jobs.values()])])
      reject(failure)
    for (const { jobs } of threads) jobs.clear()
    onFailure(failure)
  }
  const dispatch = () => {
    while (waiting.length > 0) {
      const thread = leastBusy(threads, limit, () => startThread(threads, dispatch, fail))
      const next = thread && waiting.shift()
      if (thread === undefined || next === undefined) return
      const id = ++lastId
      thread.jobs.set(id, next)
      const transfer = 'bytes' in next.job ? [next.job.bytes] : []
      thread.worker.postMessage({ id, job: next.job } satisfies Request, transfer)
    }
  }
  return {
    submit: (job) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        waiting.push({ job, resolve, reject })
        dispatch()
      }),
    fail,
    end: async () => {
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
    },
  }
}

/** Threads are started as jobs come: a rebuild that only copies needs none. */
function leastBusy(threads: readonly Thread[], limit: number, start: () => Thread): Thread | undefined {
  const idle = threads.find(({ jobs }) => jobs.size === 0)
  if (idle) return idle
  if (threads.length < limit) return start()
  const least = threads.reduce((best, thread) => (thread.jobs.size < best.jobs.size ? thread : best))
  return least.jobs.size < JOBS_PER_THREAD ? least : undefined
}

function startThread(threads: Thread[], dispatch: () => void, fail: (error: Error) => void): Thread {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { resourceLimits: LIMITS })
  const jobs: Thread['jobs'] = new Map()
  worker.on('message', (reply: Reply) => {
    const job = jobs.get(reply.id)
    jobs.delete(reply.id)
    if ('error' in reply) job?.reject(errorOf(reply.error))
    else job?.resolve(reply.result)
    dispatch()
  })
  worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))))
  const thread = { worker, jobs }
  threads.push(thread)
  return thread
}

function errorOf({ code, message }: { code: string | undefined; message: string }): Error {
  return isErrorCode(code) ? new HeadstartError(code, message) : new Error(message)
}
