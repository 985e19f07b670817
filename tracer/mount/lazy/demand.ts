/** Whether anything is being fetched on demand: what can wait gives way to it. */
import { monotonicMs } from '../../../system/clock.ts'

export interface Demand {
  /** Counts as demand until the promise settles. */
  during(work: Promise<unknown>): Promise<void>
  /** Resolves when nothing is fetched on demand. */
  idle(): Promise<void>
  /** since the last such fetch ended, or since the start; 0 while there is one */
  quietMs(): number
}

/** @param now in ms */
export function createDemand(now: () => number = monotonicMs): Demand {
  let active = 0
  let since = now()
  let waiting: (() => void)[] = []
  const leave = () => {
    if (--active > 0) return
    since = now()
    const released = waiting
    waiting = []
    for (const resolve of released) resolve()
  }
  return {
    async during(work) {
      active++
      await work.then(leave, leave)
    },
    async idle() {
      while (active > 0) await new Promise<void>((resolve) => waiting.push(resolve))
    },
    quietMs: () => (active > 0 ? 0 : now() - since),
  }
}
