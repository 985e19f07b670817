/** Fetches zones while the tables of contents are still being read, which keeps the process busy and the link idle. */
import type { Group } from '../../../../image/estargz/read/groups.ts'
import { codeOf } from '../../../../system/errors.ts'
import type { LazyContent } from '../content.ts'
import { bytesOf, type PlanLimits, type PlannedRun, planRuns } from './plan.ts'
import { DAMAGE } from './prefetch.ts'

export interface Early {
  /** Their order is that of the zone. */
  add(layer: number, zone: readonly Group[]): void
  /** Asks for no more: now it is known what a start needs. @returns what was asked for */
  stop(): Asked
}

export interface Asked {
  readonly requests: number
  readonly bytes: number
}

/** What is on its way when it stops may not be needed. */
const EARLY: PlanLimits = { firstBytes: 256 << 10, mostBytes: 512 << 10, gapBytes: 0, atOnce: 4 }

/** Never rejects: whoever reads what can't be fetched hears of it. */
export function fetchEarly(content: Pick<LazyContent, 'fetch' | 'has'>): Early {
  const waiting: PlannedRun[] = []
  const asked: PlannedRun[] = []
  let active = 0
  let isOver = false

  async function fetchNext(): Promise<void> {
    const run = waiting.shift()
    if (isOver || !run) return
    asked.push(run)
    active++
    try {
      await content.fetch(run.layer, run, 'prefetch')
    } catch (error) {
      if (!DAMAGE.has(codeOf(error) ?? '')) isOver = true
    }
    active--
    void fetchNext()
  }

  return {
    add(layer, zone) {
      const missing = zone.filter((group) => !content.has(layer, group))
      const wanted = missing.map((group) => ({ layer, group }))
      waiting.push(...planRuns(wanted, EARLY))
      for (let free = EARLY.atOnce - active; free > 0; free--) void fetchNext()
    },
    stop() {
      isOver = true
      return { requests: asked.length, bytes: bytesOf(asked) }
    },
  }
}
