/** Readiness of a container that depends on something else: the mount of its root, or the daemon that runs it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outcome, StartedContainer } from '../start.ts'

export interface Ground {
  /** rejects when it ends early; never resolves */
  readonly died: Promise<never>
  /** Resolves where it is still there. */
  isThere(): Promise<unknown>
}

/** For something that neither answers nor ends. */
const PATIENCE_MS = 5000

/** @throws the end of what it stands on, if there was one, rather than the container's failure that it caused */
export async function readyOn(started: StartedContainer, ground: Ground): Promise<Outcome> {
  try {
    return await Promise.race([started.untilReady(), ground.died])
  } catch (error) {
    await holds(ground)
    throw error
  }
}

/**
 * Asks after a failure: what depends on something ends with it, and that may be noticed first.
 * @throws its end
 */
export async function holds(ground: Ground): Promise<void> {
  await Promise.race([ground.died, ground.isThere(), sleep(PATIENCE_MS, undefined, { ref: false })])
}
