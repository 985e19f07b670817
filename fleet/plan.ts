/** Decides what is to be done for an image, and why, by what is known of it. Pure. */
import type { Digest } from '../image/types.ts'
import { type Job, jobId, repositoryOf, type Work, workloadsId } from './job.ts'
import type { JobRecord, Made } from './queue/types.ts'

/** What is known of an image, and what its entry in `fleet.yaml` asks for. */
export interface Facts {
  readonly work: Work
  /** what this fleet last made under the target */
  readonly made: Made | undefined
  /** of the work's two jobs, as far as the queue has them */
  readonly jobs: readonly JobRecord[]
  /** another image of the fleet, earlier by name, that has the same target */
  readonly clash: string | undefined
  /** what was asked of the registry, where the queue could not tell: see `look.ts` */
  readonly seen: Seen | undefined
}

export interface Seen {
  /** what the target is: undefined, if there is none */
  readonly target: { readonly digest: Digest; readonly madeOf: Digest | undefined } | undefined
  /** the source has a profile of its own for each workload */
  readonly hasProfiles: boolean
  /** the newest product of the repository, with its digest, whose profile may fit */
  readonly lender: string | undefined
  /** the image is itself a product, of this */
  readonly madeOf?: Digest | undefined
}

export type Step =
  /** `at`: ms since 1970, when it was made */
  | { readonly is: 'current'; readonly why: string; readonly work: Work; readonly at: number }
  /** made by another fleet, or before this one lost its state */
  | { readonly is: 'adopt'; readonly why: string; readonly work: Work; readonly digest: Digest }
  | { readonly is: 'rebuild' | 'record'; readonly why: string; readonly job: Job }
  /** its job waits or runs */
  | { readonly is: 'waiting'; readonly why: string; readonly job: Job }
  /** lately; its job can be asked for again */
  | { readonly is: 'failed'; readonly why: string; readonly job: Job }
  /** `isMissing`: a tag that was named, and isn't there */
  | { readonly is: 'skipped'; readonly why: string; readonly isMissing?: boolean }

/** Whether the queue alone can tell what is to be done: then nothing more is asked of the registry. */
export function knownStep({ work, made, jobs, clash }: Omit<Facts, 'seen'>): Step | undefined {
  if (clash !== undefined) return { is: 'skipped', why: `its target is that of ${clash}` }
  if (made && isCurrent(work, made)) return { is: 'current', why: currentWhy(work), work, at: made.at }
  const [open] = jobs.filter(({ state }) => state === 'waiting' || state === 'running')
  if (open) return { is: 'waiting', why: `its ${open.job.kind} job is ${open.state}`, job: open.job }
  const [failed] = jobs.filter(({ state }) => state === 'failed')
  return failed && { is: 'failed', why: failed.error ?? 'it failed', job: failed.job }
}

/** In place, the tag names the product: what that was made of is the image that counts. */
function isCurrent(work: Work, { digest, source, id }: Made): boolean {
  const isOurs = isInPlace(work) && work.digest === digest
  return id === jobId({ kind: 'rebuild', work: isOurs ? { ...work, digest: source } : work })
}

const currentWhy = (work: Work): string =>
  isInPlace(work) ? 'it is what was made last' : 'its target was made of this very image'

export const isInPlace = ({ source, target }: Work): boolean => source === target

/** @param priority of its jobs */
export function planFor(facts: Facts, priority: number): Step {
  const known = knownStep(facts)
  if (known) return known
  const { work, made, seen } = facts
  const adopted = made ? undefined : adoptable(work, seen?.target)
  if (adopted) return adopted
  if (seen?.madeOf !== undefined && !isInPlace(work))
    return { is: 'skipped', why: `it is a product itself, made of ${short(`@${seen.madeOf}`).slice(1)}` }
  const job = (kind: Job['kind'], profileFrom?: string): Job => ({
    kind,
    work,
    priority,
    ...(profileFrom !== undefined && { profileFrom }),
  })
  const isNewBuild = made?.source !== work.digest && made?.digest !== work.digest
  const isStartedAlike = made === undefined || made.recorded === workloadsId(work)
  if (!isNewBuild && !isStartedAlike)
    return { is: 'record', why: 'how it is started has changed in fleet.yaml', job: job('record') }
  if (seen?.hasProfiles)
    return {
      is: 'rebuild',
      why: isNewBuild ? 'it is new, and has a profile of its own' : 'its settings in fleet.yaml have changed',
      job: job('rebuild'),
    }
  const lender = lenderOf(facts)
  if (lender === undefined) return { is: 'record', why: noProfile(facts), job: job('record') }
  const share = `${Math.round(work.minCoverage * 100)} %`
  return {
    is: 'rebuild',
    why: `it is new: the profile of ${short(lender)} is used if it covers ${share} of the start, else the start is recorded`,
    job: job('rebuild', lender),
  }
}

/** Recorded as it is started today, the build before it has a profile that may fit. */
function lenderOf({ work, made, seen }: Facts): string | undefined {
  if (made && made.recorded === workloadsId(work)) return `${repositoryOf(made.target)}@${made.digest}`
  const target = made ? undefined : seen?.target
  if (target && target.digest !== work.digest) return `${repositoryOf(work.target)}@${target.digest}`
  return seen?.lender
}

/** For people: the beginning of a digest is enough. */
const short = (name: string): string => name.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+$/, '$1')

const noProfile = ({ made, work }: Facts): string =>
  made && made.recorded !== workloadsId(work)
    ? 'it is new, and how it is started has changed in fleet.yaml'
    : 'no profile of it is known'

/** In place, the tag names a product that says what it was made of; else the target does. */
function adoptable(work: Work, target: Seen['target']): Step | undefined {
  if (target?.madeOf === undefined) return undefined
  if (isInPlace(work))
    return {
      is: 'adopt',
      why: `it is optimized already, of ${target.madeOf}`,
      work: { ...work, digest: target.madeOf },
      digest: target.digest,
    }
  if (target.madeOf !== work.digest) return undefined
  return { is: 'adopt', why: 'its target was made of this very image', work, digest: target.digest }
}
