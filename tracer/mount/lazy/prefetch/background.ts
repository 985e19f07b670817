/**
 * Fetches the rest of an image once its start is over: first what the profile says is read then, then layer by layer. One request at a time, which
 * gives way to whatever is read meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../../../../system/errors.ts'
import type { LazyContent } from '../content.ts'
import type { Demand } from '../demand.ts'
import { type PlanLimits, type PlannedRun, planRuns, type Wanted } from './plan.ts'
import { DAMAGE } from './prefetch.ts'

export interface Rest {
  /** in this order; what is at hand by then is left out */
  readonly wanted: readonly Wanted[]
  /** that a start takes at least, counted from `begun`; undefined: not known */
  readonly startMs: number | undefined
  /** Resolves when the container starts. */
  readonly begun: Promise<void>
  /** bytes that can still be kept */
  room(): Promise<number>
  /** Resolves when what was fetched is kept. */
  settled(): Promise<void>
}

const LIMITS: PlanLimits = { firstBytes: 4 << 20, mostBytes: 4 << 20, gapBytes: 32 << 10, atOnce: 1 }
/** Groups that are looked for in the cache at once, between which others have their turn. */
const BATCH = 256
/** A busier or slower machine than the one that recorded: what is fetched too early is in the way of the start, and too late costs nothing. */
const SLOWER = 2
/** Without anything fetched on demand, once a start must be over, or where it is not known how long one takes. */
const QUIET_MS = 500
const UNKNOWN_QUIET_MS = 2000

/** Resolves when there is nothing more to fetch, no more room, or the registry fails. Never rejects. */
export async function fetchRest(
  content: Pick<LazyContent, 'fetch' | 'has'>,
  demand: Demand,
  { wanted, startMs, begun, room, settled }: Rest,
): Promise<void> {
  await begun
  await startIsOver(demand, startMs)
  try {
    for (const run of runsOf(wanted, content)) {
      await demand.idle()
      if ((await room()) < contentOf(run)) return
      const { layer, ...range } = run
      await content.fetch(layer, range, 'background').catch(unlessDamaged)
      await settled()
    }
  } catch {
    // What is missing is fetched when it is read, and if it can't be, whoever reads it hears why.
  }
}

/** Called when all that was recorded is there: from here the start takes as long as it did then, at most. */
async function startIsOver(demand: Demand, startMs: number | undefined): Promise<void> {
  const [atLeast, quietMs] =
    startMs === undefined ? [UNKNOWN_QUIET_MS, UNKNOWN_QUIET_MS] : [SLOWER * startMs, QUIET_MS]
  await sleep(atLeast)
  for (let left = quietMs - demand.quietMs(); left > 0; left = quietMs - demand.quietMs()) await sleep(left)
}

/** Planned a batch at a time: a cache is asked for each group, and by then others may have been read. */
function* runsOf(wanted: readonly Wanted[], content: Pick<LazyContent, 'has'>): Generator<PlannedRun> {
  for (let at = 0; at < wanted.length; at += BATCH) {
    const missing = wanted.slice(at, at + BATCH).filter(({ layer, group }) => !content.has(layer, group))
    yield* planRuns(missing, LIMITS)
  }
}

const contentOf = ({ groups }: PlannedRun): number =>
  groups.reduce((sum, { chunks }) => chunks.reduce((all, { size }) => all + size, sum), 0)

function unlessDamaged(error: unknown): void {
  if (!DAMAGE.has(codeOf(error) ?? '')) throw error
}
