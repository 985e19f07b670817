/**
 * The threads that compress, hash and inflate. What is in flight is bounded by its bytes, not by its number: `room` is asked before memory
 * is taken. Results depend on jobs alone, never on which thread did them or when.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { isErrorCode } from '../../system/error-codes.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { InflateJob, InflateResult } from './inflate.ts'
import type { ChecksumJob, CompressJob, CompressResult, HashJob, HashResult } from './jobs.ts'
import type { Reply, Request, Result } from './worker.ts'

export interface Pool extends AsyncDisposable {
  compress(job: Omit<CompressJob, 'kind'>): Promise<CompressResult>
  hash(parts: HashJob['parts']): Promise<HashResult>
  /** @returns the CRC-64 of each */
  checksum(job: Omit<ChecksumJob, 'kind'>): Promise<readonly Uint8Array[]>
  inflate(job: Omit<InflateJob, 'kind'>): Promise<InflateResult>
  /** Memory for a job, at least this large. It is used again and again, so it holds anything. */
  buffer(size: number): ArrayBuffer
  /** Resolves once `bytes` more may be in flight. Give the same number back when they no longer are. */
  room(bytes: number): Promise<void>
  giveBack(bytes: number): void
}

/** Uncompressed bytes that wait, are compressed or wait to be written. */
const IN_FLIGHT_BYTES = 9 << 20
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

/** @param options.threads by default one per core; @param options.signal aborts what is in flight and what comes */
export function createPool(
  options: { threads?: number | undefined; signal?: AbortSignal | undefined } = {},
): Pool {
  const { signal } = options
  const threads: Thread[] = []
  const limit = Math.max(1, options.threads ?? availableParallelism())
  const waiting: Waiting[] = []
  const budget = createBudget(IN_FLIGHT_BYTES)
  const buffers = createBuffers()
  let failure: Error | undefined
  let lastId = 0

  const fail = (error: Error) => {
    failure ??= error
    for (const { reject } of [...waiting.splice(0), ...threads.flatMap(({ jobs }) => [...jobs.values()])])
      reject(failure)
    for (const { jobs } of threads) jobs.clear()
    budget.fail(failure)
  }
  const onAbort = () => fail(signal?.reason instanceof Error ? signal.reason : new Error('aborted'))
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()

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
  const submit = (job: Job): Promise<Result> =>
    new Promise((resolve, reject) => {
      if (failure) return reject(failure)
      waiting.push({ job, resolve, reject })
      dispatch()
    })

  return {
    async compress(job) {
      const result = of('compress', await submit({ kind: 'compress', ...job }))
      buffers.giveBack(result.spent)
      return result
    },
    hash: async (parts) => of('hash', await submit({ kind: 'hash', parts })),
    checksum: async (job) => of('checksum', await submit({ kind: 'checksum', ...job })).sums,
    async inflate(job) {
      const result = of('inflate', await submit({ kind: 'inflate', ...job }))
      buffers.giveBack(result.spent)
      return result
    },
    buffer: buffers.take,
    room: budget.take,
    giveBack: budget.giveBack,
    async [Symbol.asyncDispose]() {
      signal?.removeEventListener('abort', onAbort)
      fail(new Error('the compressor was closed'))
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
    },
  }
}

type ResultOf<K extends Result['kind']> = Extract<Result, { kind: K }>
const isOf = <K extends Result['kind']>(kind: K, result: Result): result is ResultOf<K> =>
  result.kind === kind

function of<K extends Result['kind']>(kind: K, result: Result): ResultOf<K> {
  if (isOf(kind, result)) return result
  throw new Error(`a ${result.kind} result came for a ${kind} job`)
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

/** Buffers wait here for the next job. Collecting them as garbage costs more memory than they have. */
const MAX_FREE_BYTES = 8 << 20
const SMALLEST_BUFFER = 1 << 20

function createBuffers() {
  const free: ArrayBuffer[] = []
  let bytes = 0
  return {
    take(size: number): ArrayBuffer {
      const at = free.findIndex(({ byteLength }) => byteLength >= size)
      const [found] = at === -1 ? [] : free.splice(at, 1)
      if (found === undefined)
        return new ArrayBuffer(Math.max(SMALLEST_BUFFER, 2 ** Math.ceil(Math.log2(size))))
      bytes -= found.byteLength
      return found
    },
    giveBack(buffer: ArrayBuffer) {
      if (bytes + buffer.byteLength > MAX_FREE_BYTES) return
      bytes += buffer.byteLength
      free.push(buffer)
      free.sort((a, b) => a.byteLength - b.byteLength)
    },
  }
}

function createBudget(limit: number) {
  let used = 0
  let failure: Error | undefined
  const queue: { bytes: number; resolve(): void; reject(error: Error): void }[] = []
  const next = () => {
    // Something larger than the whole budget passes when nothing else is in flight.
    for (let first = queue[0]; first && (used === 0 || used + first.bytes <= limit); first = queue[0]) {
      queue.shift()
      used += first.bytes
      first.resolve()
    }
  }
  return {
    take: (bytes: number): Promise<void> =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        queue.push({ bytes, resolve, reject })
        next()
      }),
    giveBack(bytes: number) {
      used -= bytes
      next()
    },
    fail(error: Error) {
      failure = error
      for (const { reject } of queue.splice(0)) reject(error)
    },
  }
}
