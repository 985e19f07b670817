/** Tells what comes of jobs while they are performed. */
import type { Perform } from '../../fleet/queue/types.ts'
import { messageOf } from '../../system/errors.ts'
import type { Output } from '../print/output.ts'
import { doneLine } from './words.ts'

/** Says what comes of each job. What fails for good is said at the end, once. */
export const told =
  (perform: Perform, output: Output, attempts: number): Perform =>
  async (job, context) => {
    output.live(() => `${job.work.source}: ${job.kind}`)
    try {
      const outcome = await perform(job, context)
      if ('done' in outcome) output.note(doneLine(job, outcome.done))
      if ('instead' in outcome && outcome.instead.length > 0)
        output.note(`${job.work.source}: no profile covers it; its start is recorded first`)
      if ('instead' in outcome && outcome.instead.length === 0)
        output.note(`${job.work.source}: a newer image was pushed meanwhile; the next run takes that`)
      return outcome
    } catch (error) {
      if (!context.signal.aborted)
        output.note(
          `${job.work.source}: ${job.kind}, attempt ${context.attempt} of ${attempts}: ${messageOf(error)}`,
        )
      throw error
    }
  }
