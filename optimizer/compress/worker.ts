/** A thread of the pool: takes a job, gives its result back. */
import { parentPort } from 'node:worker_threads'
import { messageOf } from '../../system/errors.ts'
import { createCollector } from '../../system/minor-gc.ts'
import { type InflateJob, type InflateResult, inflate } from './inflate.ts'
import {
  type ChecksumJob,
  type ChecksumResult,
  type CompressJob,
  type CompressResult,
  checksum,
  compress,
  type HashJob,
  type HashResult,
  hash,
} from './jobs.ts'

export interface Request {
  readonly id: number
  readonly job: CompressJob | HashJob | ChecksumJob | InflateJob
}

export type Result = CompressResult | HashResult | ChecksumResult | InflateResult

export type Reply =
  | { readonly id: number; readonly result: Result }
  | { readonly id: number; readonly error: { readonly code: string | undefined; readonly message: string } }

const port = parentPort
if (port === null) throw new Error('compress/worker.ts runs in a worker thread')

const used = createCollector(2 << 20)

port.on('message', async ({ id, job }: Request) => {
  try {
    if (job.kind === 'compress') {
      const result = compress(job)
      used(result.output.length)
      port.postMessage({ id, result }, [result.spent, result.output.buffer])
    } else if (job.kind === 'inflate') {
      const result = inflate(job)
      port.postMessage({ id, result }, [result.spent, result.output.buffer])
    } else port.postMessage({ id, result: await (job.kind === 'hash' ? hash(job) : checksum(job)) })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
    port.postMessage({ id, error: { code, message: messageOf(error) } })
  }
})
