/**
 * Where jobs wait, run and leave their results. Two adapters implement this: `sqlite.ts`, for one machine, in a file; `bullmq.ts`, for many, in
 * Redis or Valkey. Everything else of the fleet knows this interface alone.
 */
import { z } from 'zod'
import { digestSchema } from '../../image/document.ts'
import type { Job, JobKind } from '../job.ts'

/** What a job that succeeded has made. Small: it is kept. */
export const resultSchema = z.strictObject({
  /** of a rebuild: what the target's tag names now */
  made: digestSchema.optional(),
  /** bytes of all layers before and after, of the first platform */
  bytes: z.strictObject({ before: z.number(), after: z.number() }).optional(),
  /** bytes fetched before the start, and those of a full pull, by the planner's model; times by the link it planned for, in ms */
  start: z
    .strictObject({ bytes: z.number(), fullBytes: z.number(), ms: z.number(), fullMs: z.number() })
    .optional(),
  /** the profiles that were used, or attached */
  profiles: z.array(z.strictObject({ name: z.string(), recordedAt: z.iso.datetime().optional() })),
  /** share of the start that the profile covered, 0 to 1 */
  coverage: z.number().optional(),
  /** ms that the work took */
  tookMs: z.number(),
})
export type JobResult = z.infer<typeof resultSchema>

/** What performing a job leads to. */
export type Outcome =
  | {
      readonly done: JobResult /** what is to be done now: after a record the rebuild */
      readonly next?: readonly Job[]
    }
  /** It can't be done as it is, and trying again would not help: the rebuild of an image whose profile covers too little asks for a record. */
  | { readonly instead: readonly Job[] }

/** A failure that another attempt can't mend: a budget that is exceeded, an image that never becomes ready. Thrown by what performs jobs. */
export type Perform = (
  job: Job,
  context: {
    readonly attempt: number
    readonly signal: AbortSignal /** lines of the work's own output */
    readonly log: (line: string) => void
  },
) => Promise<Outcome>

export const JOB_STATES = ['waiting', 'running', 'done', 'failed'] as const
export type JobState = (typeof JOB_STATES)[number]

/** A job as a queue knows it, for people and pages. */
export interface JobRecord {
  readonly id: string
  readonly job: Job
  readonly state: JobState
  /** attempts begun */
  readonly attempts: number
  /** ms since 1970 */
  readonly addedAt: number
  readonly startedAt?: number
  readonly endedAt?: number
  readonly result?: JobResult
  /** of the last attempt: one line, without secrets */
  readonly error?: string
  /** the last lines of its output, without secrets; bounded */
  readonly log: readonly string[]
}

export interface WorkOptions {
  readonly kinds: readonly JobKind[]
  /** jobs at the same time */
  readonly slots: number
  readonly perform: Perform
  /** ends taking jobs, and tells running ones to stop; they go back to the queue */
  readonly signal: AbortSignal
}

export interface Queue extends AsyncDisposable {
  /**
   * Adds jobs that are not there. One that waits, runs, or was done is left alone; one that failed for good is tried again with `again`, or when
   * `retryAfterMs` have passed since.
   * @returns how many were added
   */
  add(jobs: readonly Job[], options?: { readonly again?: boolean }): Promise<number>
  /** By job ID. */
  find(id: string): Promise<JobRecord | undefined>
  /** Takes jobs, the most urgent first, until the signal aborts. */
  work(options: WorkOptions): Promise<void>
  /** Resolves when nothing waits or runs. */
  idle(signal: AbortSignal): Promise<void>
  counts(): Promise<Record<JobKind, Record<JobState, number>>>
  /** The newest first, at most `limit`. */
  list(options?: { readonly state?: JobState; readonly limit?: number }): Promise<JobRecord[]>
  /** What this fleet last made under a tag, and of what: known without asking the registry. */
  made(target: string): Promise<Made | undefined>
}

export interface Made {
  /** what the target's tag was given */
  readonly digest: string
  /** of the source it was made of */
  readonly source: string
  /** of the job */
  readonly id: string
  readonly at: number
}
