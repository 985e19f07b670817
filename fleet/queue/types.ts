/**
 * Where jobs wait, run and leave their results. Two adapters implement this: `sqlite.ts`, for one machine, in a file; `bullmq.ts`, for many, in
 * Redis or Valkey. Everything else of the fleet knows this interface alone.
 */
import { z } from 'zod'
import { digestSchema } from '../../image/document.ts'
import type { Digest } from '../../image/types.ts'
import type { Job, JobKind, Work } from '../job.ts'

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
      readonly done: JobResult
      /** what is to be done now: after a record the rebuild */
      readonly next?: readonly Job[]
    }
  /**
   * It can't be done before other jobs are: the rebuild of an image whose profile covers too little asks for a record. The job is forgotten, since
   * it comes back as what is to be done after those. Where all of them were done lately, it fails: it would go round in a circle. Where there are
   * none, it is no longer wanted.
   */
  | { readonly instead: readonly Job[] }
  /** A failure that another attempt can't mend, in one line: a budget that is exceeded, an image that never becomes ready. */
  | { readonly failed: string }

/** What it throws is a failure that another attempt may mend, unless the signal has aborted: then the job goes back to the queue. */
export type Perform = (
  job: Job,
  context: {
    /** 1 is the first */
    readonly attempt: number
    /** begun before it has failed for good */
    readonly attempts: number
    readonly signal: AbortSignal
    /** takes lines of the work's own output */
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
  /** the last lines of its output, without secrets; bounded. Lists leave it empty: `find` has it */
  readonly log: readonly string[]
}

export interface WorkOptions {
  readonly kinds: readonly JobKind[]
  /** jobs at the same time */
  readonly slots: number
  readonly perform: Perform
  /** ends taking jobs, and tells running ones to stop, after `graceMs`; they go back to the queue */
  readonly signal: AbortSignal
  /** ms that running jobs are given to end by themselves; 0 by default */
  readonly graceMs?: number
  /** at most so many jobs begun against one registry in so many ms, by all workers together; without limit by default */
  readonly rate?: { readonly jobs: number; readonly perMs: number }
}

export interface QueueSettings {
  /** begun before a job has failed for good */
  readonly attempts: number
  /** ms before the second attempt, doubled before each further one */
  readonly backoffMs: number
  /** ms after which a job that failed for good is tried again when it is added */
  readonly retryAfterMs: number
}
export const SETTINGS: QueueSettings = { attempts: 4, backoffMs: 30_000, retryAfterMs: 24 * 3600_000 }

export interface Queue extends AsyncDisposable {
  /**
   * Adds jobs that are not there. One that waits, runs, or was done is left alone; one that failed for good is tried again with `again`, or when
   * `retryAfterMs` have passed since; one that a worker refused, at once. A rebuild that was done counts as such only while its target was given nothing else (`made`): a tag that
   * is moved back to an older build needs that one's product again.
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
  /** The same of a repository (`registry/repository`): what was made there last, under whichever tag. */
  madeIn(repository: string): Promise<Made | undefined>
  /** Remembers what a target was found to be, made of this work by another fleet: its rebuild counts as done. */
  adopt(work: Work, digest: Digest): Promise<void>
  /** What has happened since the queue was made, for metrics: sums of `countersOf`. */
  counters(): Promise<Counters>
}

/** Sums by name: see `counters.ts`. */
export type Counters = Readonly<Record<string, number>>

export const madeSchema = z.strictObject({
  target: z.string(),
  /** what the target's tag was given */
  digest: digestSchema,
  /** of the source it was made of */
  source: digestSchema,
  /** of the job */
  id: z.string(),
  /** how it is started: `workloadsId` */
  recorded: z.string(),
  /** ms since 1970 */
  at: z.number(),
})
export type Made = Readonly<z.infer<typeof madeSchema>>
