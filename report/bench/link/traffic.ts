/** The requests of a sample, assigned to phases. Pure; times are ms since 1970. */
import type { BenchSample, Phase, PhaseTraffic } from '../file.ts'
import type { LinkRequest } from './messages.ts'
import { type LayerOffsets, type Purpose, purposeOf } from './requests.ts'

export interface Marks {
  readonly startedAt: number
  /** when each phase was over */
  readonly ends: Readonly<Record<Phase, number>>
}

type Measured = Pick<BenchSample, 'phases' | 'traffic' | 'timeline' | 'after'>

/**
 * A request belongs to the phase of its purpose, even when it lies outside the phase's marks: those come from several
 * clocks. A request on demand belongs to the phase it began in.
 * @param watchedUntil when recording ended
 */
export function attribute(
  requests: readonly LinkRequest[],
  marks: Marks,
  layers: readonly LayerOffsets[],
  watchedUntil = marks.ends.ready,
): Measured {
  const { startedAt, ends } = marks
  const readyAt = ends.ready
  const spans = spansOf(startedAt, ends)
  const phaseOf = (request: LinkRequest): Phase => {
    const purpose = purposeOf(request, layers)
    if (purpose !== 'onDemand') return PHASE_OF[purpose]
    return request.startedAt < ends.create ? 'create' : 'ready'
  }
  const before = requests.filter((request) => request.startedAt < readyAt)
  const traffic = (phase: Phase): PhaseTraffic => {
    const own = before.filter((request) => phaseOf(request) === phase)
    const bytes = sum(own.flatMap(({ arrivals }) => arrivals).filter(([at]) => at <= readyAt))
    return { bytes, requests: own.length, roundTrips: longestChain(own) }
  }
  const arrivals = requests.flatMap((request) => request.arrivals).toSorted(([a], [b]) => a - b)
  return {
    phases: eachPhase((phase) => spans[phase][1] - spans[phase][0]),
    traffic: eachPhase(traffic),
    timeline: timelineOf(arrivals, startedAt, readyAt),
    after: {
      ms: Math.max(0, watchedUntil - readyAt),
      bytes: sum(arrivals.filter(([at]) => at > readyAt && at <= watchedUntil)),
      requests: requests.length - before.length,
    },
  }
}

const PHASE_OF = {
  resolve: 'resolve',
  toc: 'tocs',
  prefetch: 'prefetch',
  whole: 'prefetch',
} as const satisfies Record<Exclude<Purpose, 'onDemand'>, Phase>

const sum = (arrivals: readonly (readonly [number, number])[]): number =>
  arrivals.reduce((all, [, bytes]) => all + bytes, 0)

const eachPhase = <T>(of: (phase: Phase) => T): Record<Phase, T> => ({
  resolve: of('resolve'),
  tocs: of('tocs'),
  prefetch: of('prefetch'),
  create: of('create'),
  ready: of('ready'),
})

/** Without gaps: a phase begins where the previous one ended, and none ends before it began. */
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
 * How many round trips followed one another: those of the longest chain of requests in which each began after the previous one
 * was answered. A new connection costs one more.
 */
export function longestChain(requests: readonly LinkRequest[]): number {
  const byEnd = requests
    .map(({ startedAt, endedAt, connected }) => ({
      from: startedAt,
      to: endedAt ?? Number.POSITIVE_INFINITY,
      trips: connected ? 2 : 1,
    }))
    .toSorted((a, b) => a.to - b.to)
  /** best[i]: the most round trips of a chain within the first i requests */
  const best = [0]
  byEnd.forEach(({ from, trips }, index) => {
    const before = lastEndedBy(byEnd, from, index)
    best.push(Math.max(best[index] ?? 0, (best[before] ?? 0) + trips))
  })
  return best.at(-1) ?? 0
}

/** How many of the first `limit` ended at or before `time`. They are sorted, so bisection finds it. */
function lastEndedBy(byEnd: readonly { readonly to: number }[], time: number, limit: number): number {
  let [low, high] = [0, limit]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((byEnd[middle]?.to ?? Number.POSITIVE_INFINITY) <= time) low = middle + 1
    else high = middle
  }
  return low
}
