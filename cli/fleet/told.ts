/** Tells what comes of jobs while they are performed. */
import type { Perform } from '../../fleet/queue/types.ts'
import { messageOf } from '../../system/errors.ts'
import type { Output } from '../print/output.ts'
import { doneLine } from './words.ts'

/** Says what comes of each job. @param isLast nobody else says what has failed for good */
export const told =
  (perform: Perform, output: Output, isLast = false): Perform =>
  async (job, context) => {
    output.live(() => `${job.work.source}: ${job.kind}`)
    try {
      const outcome = await perform(job, context)
      if ('done' in outcome) output.note(doneLine(job, outcome.done))
      if ('failed' in outcome && isLast)
        output.warn(`${job.work.source}: ${job.kind} failed: ${outcome.failed}`)
      if ('instead' in outcome && outcome.instead.length > 0)
        output.note(`${job.work.source}: no profile covers it; its start is recorded first`)
      if ('instead' in outcome && outcome.instead.length === 0)
        output.note(`${job.work.source}: a newer image was pushed meanwhile; the next run takes that`)
      return outcome
    } catch (error) {
      if (!context.signal.aborted)
        output.note(
          `${job.work.source}: ${job.kind}, attempt ${context.attempt} of ${context.attempts}: ${messageOf(error)}`,
        )
      throw error
    }
  }
