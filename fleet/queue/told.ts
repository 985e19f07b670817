/** What a queue keeps of a job's output and its errors: bounded, in lines, fit to be shown, and without what URLs hold. Pure. */
import { messageOf } from '../../system/errors.ts'
import { withoutUrlSecrets } from '../../system/text/secrets.ts'
import { visible } from '../../system/text/visible.ts'
import { type Job, jobId } from '../job.ts'

/** Of the log of a job; of one that was done, its log is the largest and the least needed. */
export const MOST_LINES = 200
export const LINES_OF_DONE = 20
const MOST_CHARACTERS = 500
/** Jobs that are over, of each kind and state: an older one's product is still known by its target. */
export const KEPT_JOBS = 10_000

export const lineOf = (text: string): string => visible(text.slice(0, MOST_CHARACTERS))

/** What an error says, in one line. */
export const toldOf = (error: unknown): string => visible(withoutUrlSecrets(messageOf(error)))

/** Why a job fails that asks for others which were done just now. */
export const circleOf = (jobs: readonly Job[]): string =>
  `it asks for ${jobs.map((job) => `the ${job.kind} job ${jobId(job).slice(0, `${job.kind}-`.length + 12)}`).join(', ')} again, which was done just now`

/** How the error of a job begins that a worker did not take: it has cost nothing, so it may be asked for again at once. */
export const REFUSED = 'refused: '

/** Workers that were killed while they did a job, after which it is given up: it may be what ends them. Before that, another takes it over. */
export const MOST_ABANDONED = 3
export const ABANDONED = `${MOST_ABANDONED} workers were killed while they did this: it may be what ends them`
