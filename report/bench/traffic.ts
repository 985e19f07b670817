/** What the link saw, told apart by the phase it belongs to. Pure; times are ms since 1970. */
import type { BenchSample, Phase, PhaseTraffic } from './file.ts'
import type { LinkRequest } from './link.ts'

export interface Marks {
  readonly startedAt: number
  /** when each phase was over */
  readonly ends: Readonly<Record<Phase, number>>
}

type Measured = Pick<BenchSample, 'phases' | 'traffic' | 'timeline' | 'after'>

/** @param watchedUntil how long requests after ready were waited for */
export function attribute(
  requests: readonly LinkRequest[],
  marks: Marks,
  watchedUntil = marks.ends.ready,
): Measured {
  const { startedAt } = marks
  const readyAt = marks.ends.ready
  const arrivals = requests.flatMap((request) => request.arrivals).toSorted(([a], [b]) => a - b)
  const between = ([from, to]: readonly [number, number]) => ({
    requests: requests.filter((request) => request.startedAt >= from && request.startedAt < to),
    bytes: sum(arrivals.filter(([at]) => at >= from && at < to)),
  })
  const spans = spansOf(startedAt, marks.ends)
  const traffic = (phase: Phase): PhaseTraffic => {
    const { requests: own, bytes } = between(spans[phase])
    return { bytes, requests: own.length, roundTrips: longestChain(own) }
  }
  const later = between([readyAt, Math.max(readyAt, watchedUntil)])
  return {
    phases: eachPhase((phase) => Math.max(0, spans[phase][1] - spans[phase][0])),
    traffic: eachPhase(traffic),
    timeline: timelineOf(arrivals, startedAt, readyAt),
    after: {
      ms: Math.max(0, watchedUntil - readyAt),
      bytes: later.bytes,
      requests: later.requests.length,
    },
  }
}

const sum = (arrivals: readonly (readonly [number, number])[]): number =>
  arrivals.reduce((all, [, bytes]) => all + bytes, 0)

const eachPhase = <T>(of: (phase: Phase) => T): Record<Phase, T> => ({
  resolve: of('resolve'),
  tocs: of('tocs'),
  prefetch: of('prefetch'),
  create: of('create'),
  ready: of('ready'),
})

/** One after another, without gaps: a phase begins where the one before it ended, and none ends before it began. */
function spansOf(startedAt: number, ends: Marks['ends']): Record<Phase, [number, number]> {
  let from = startedAt
  const next = (phase: Phase): [number, number] => {
    const span: [number, number] = [from, Math.max(from, ends[phase])]
    from = span[1]
    return span
  }
  return eachPhase(next)
}

function timelineOf(
  arrivals: readonly (readonly [number, number])[],
  startedAt: number,
  readyAt: number,
): [number, number][] {
  let total = 0
  const points: [number, number][] = []
  for (const [at, bytes] of arrivals) {
    if (at > readyAt) break
    total += bytes
    points.push([Math.max(0, at - startedAt), total])
  }
  points.push([readyAt - startedAt, total])
  return points
}

/**
 * How many round trips had to wait for one another: the chain of requests, each begun after the one before it was answered, with
 * the most round trips. A new connection costs one more.
 */
export function longestChain(requests: readonly LinkRequest[]): number {
  const byEnd = requests
    .map(({ startedAt, endedAt, connected }) => ({
      from: startedAt,
      to: endedAt ?? Number.POSITIVE_INFINITY,
      trips: connected ? 2 : 1,
    }))
    .toSorted((a, b) => a.to - b.to)
  /** best[i]: of chains within the first i */
  const best = [0]
  byEnd.forEach(({ from, trips }, index) => {
    const before = lastEndedBy(byEnd, from, index)
    best.push(Math.max(best[index] ?? 0, (best[before] ?? 0) + trips))
  })
  return best.at(-1) ?? 0
}

/** How many of the first `limit` ended at or before `time`; by bisection, they are sorted. */
function lastEndedBy(byEnd: readonly { readonly to: number }[], time: number, limit: number): number {
  let [low, high] = [0, limit]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((byEnd[middle]?.to ?? Number.POSITIVE_INFINITY) <= time) low = middle + 1
    else high = middle
  }
  return low
}
