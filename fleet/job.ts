/**
 * What is to be done for one image, as plain data: all that a worker on another machine needs, and no secret. A job is named by what it
 * would make, so that the same job is never in a queue twice, nor done twice.
 */
import { z } from 'zod'
import { digestOf } from '../image/digest.ts'
import { digestSchema } from '../image/document.ts'
import { parseReference } from '../image/reference.ts'
import { isName } from '../tracer/trace/name.ts'

/** `record` needs root and FUSE; `rebuild` needs no privileges. */
export const JOB_KINDS = ['record', 'rebuild'] as const
export type JobKind = (typeof JOB_KINDS)[number]

/** A job may come from anybody who can write to the queue: its names are shown, and given to commands. */
const imageName = (isWhole: (text: string) => boolean) =>
  z.string().refine((text) => {
    try {
      return isWhole(text)
    } catch {
      return false
    }
  }, 'not the name of an image')

const tagName = imageName((text) => {
  const { host, repository, tag, digest } = parseReference(text)
  return digest === undefined && text === `${host}/${repository}:${tag}`
})

/** One way in which the image is started: flags of `headstart profile`, checked when `fleet.yaml` is read. */
const workloadSchema = z.strictObject({
  /** of the profile that is attached */
  name: z.string().refine(isName, 'not the name of a profile'),
  flags: z.array(z.string()),
  /** replaces the image's `Cmd`, unless empty */
  command: z.array(z.string()),
})
export type Workload = z.infer<typeof workloadSchema>

/** Limits of what a rebuild may make; one that exceeds them is not pushed. */
const budgetSchema = z.strictObject({
  /** share by which the layers may grow: 0.1 is a tenth */
  growth: z.number().nonnegative().optional(),
  /** bytes that are fetched before the start: prioritized zones and tables of contents */
  prefetchBytes: z.number().int().nonnegative().optional(),
})
export type Budget = z.infer<typeof budgetSchema>

export const workSchema = z.strictObject({
  /** `registry/repository:tag` */
  source: tagName,
  /** of what that tag named when it was looked at, a manifest or an index: this is what is recorded and rebuilt */
  digest: digestSchema,
  /** `registry/repository:tag`; the source itself: in place */
  target: tagName,
  workloads: z.array(workloadSchema).min(1),
  /** flags of `headstart optimize`, checked when `fleet.yaml` is read */
  optimizeFlags: z.array(z.string()),
  /** share of the start that an earlier build's profile must cover, 0 to 1; else the start is recorded */
  minCoverage: z.number().min(0).max(1),
  budget: budgetSchema,
})
export type Work = z.infer<typeof workSchema>

export const jobSchema = z.strictObject({
  kind: z.enum(JOB_KINDS),
  work: workSchema,
  /** where an attached profile is looked for when the image has none of its own: usually the target of the build before */
  profileFrom: imageName((text) => parseReference(text).host !== '').optional(),
  /** smaller comes first; 0 is what somebody has just pushed */
  priority: z.number().int().min(0).max(1000),
})
export type Job = z.infer<typeof jobSchema>

/** Of a name with a tag: `registry/repository`. */
export const repositoryOf = (name: string): string => name.replace(/:[^/:]*$/, '')

/** Names how an image is started: the profiles that are recorded so count for later builds while this stays the same. */
export const workloadsId = ({ workloads }: Pick<Work, 'workloads'>): string =>
  digestOf(Buffer.from(JSON.stringify(z.array(workloadSchema).parse(workloads))))

/** The registry whose limits a job counts against. */
export const registryOf = ({ source }: Work): string => source.split('/')[0] ?? ''

/**
 * The same for the same work of the same kind, whoever asks and however often. A change of the configuration that changes what would be made is
 * another job; a different priority or profile is not.
 */
export const jobId = ({ kind, work }: Pick<Job, 'kind' | 'work'>): string =>
  `${kind}-${digestOf(Buffer.from(JSON.stringify(workSchema.parse(work)))).slice('sha256:'.length)}`
