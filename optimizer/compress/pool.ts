/**
 * The threads that compress, hash and inflate. What is in flight is bounded by its bytes, not by its number: `room` is asked before memory
 * is taken. Results depend on jobs alone, never on which thread did them or when.
 */
import { availableParallelism } from 'node:os'
import { createBudget } from '../../system/budget.ts'
import { createBuffers } from './buffers.ts'
import type { InflateJob, InflateResult } from './inflate.ts'
import type { ChecksumJob, CompressJob, CompressResult, HashJob, HashResult } from './jobs.ts'
import { createThreads } from './threads.ts'
import type { Result } from './worker.ts'

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

/** @param options.threads by default one per core; @param options.signal aborts what is in flight and what comes */
export function createPool(
  options: { threads?: number | undefined; signal?: AbortSignal | undefined } = {},
): Pool {
  const { signal } = options
  const budget = createBudget(IN_FLIGHT_BYTES)
  const buffers = createBuffers()
  const threads = createThreads(Math.max(1, options.threads ?? availableParallelism()), budget.fail)
  const { submit, fail } = threads
  const onAbort = () => fail(signal?.reason instanceof Error ? signal.reason : new Error('aborted'))
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()

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
      await threads.end()
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
