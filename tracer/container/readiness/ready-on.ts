/** Readiness of a container that depends on something else: the mount of its root, or the daemon that runs it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outcome, StartedContainer } from '../start.ts'

/** The container ends with what it depends on, and its end may be noticed first. */
const DEATH_MS = 200
/** For something that neither answers nor ends. */
const PATIENCE_MS = 5000

/**
 * @param died rejects when what the container depends on ends early
 * @param asked resolves where that is still there, so that nobody has to wait to know
 * @throws that failure, if there was one, rather than the container's failure that it caused
 */
export async function readyOn(
  started: StartedContainer,
  died: Promise<never>,
  asked?: () => Promise<unknown>,
): Promise<Outcome> {
  try {
    return await Promise.race([started.untilReady(), died])
  } catch (error) {
    const patience = sleep(asked ? PATIENCE_MS : DEATH_MS, undefined, { ref: false })
    await Promise.race([died, patience, ...(asked ? [asked()] : [])])
    throw error
  }
}
