/** Long computations in steps: done at once, or in turns with whatever else the process has to do. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { monotonicMs } from './clock.ts'

/** It yields where others may have a turn: often, since a turn ends only there. */
export type Steps<T> = Generator<void, T, void>

export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** What arrives meanwhile is not kept waiting for longer. */
const TURN_MS = 5

export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const end = monotonicMs() + TURN_MS
    do {
      const step = steps.next()
      if (step.done) return step.value
    } while (monotonicMs() < end)
    await nextTurn()
  }
}
