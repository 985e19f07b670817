/** Starts what is fetched of an image without being asked for: the prefetch at once, the rest in the background when a container's start is over. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PrefetchPlan } from '../../messages.ts'
import type { LazyContent } from '../content.ts'
import type { Demand } from '../demand.ts'
import type { LazyTree } from '../tree.ts'
import { fetchRest, type Rest } from './background.ts'
import type { Asked, Early } from './early.ts'
import {
  choosePrefetch,
  fetchRuns,
  fetchWhatThereIs,
  type Material,
  planPrefetch,
  STREAM,
  WHOLE,
} from './prefetch.ts'
import type { Profile } from './profile.ts'
import { wantedInAll } from './wanted.ts'

export interface Fetching extends Pick<Rest, 'room' | 'settled'> {
  readonly material: Material
  readonly content: LazyContent
  readonly demand: Demand
  /** undefined: none is asked for */
  readonly profile: Promise<Profile> | undefined
  /** of the zones, until it is known what is wanted */
  readonly early: Early | undefined
}

export interface Started {
  readonly plan: Promise<PrefetchPlan>
  /** Rejects only where the prefetch is to be waited for. */
  readonly done: Promise<void>
  /** The container starts now. */
  begin(): void
}

/** The root is complete and the container starts: what waits longer for its plan is of no use to it. */
const LATE_MS = 3000

const inTime = (profile: Promise<Profile>, limitMs = LATE_MS): Promise<Profile> =>
  Promise.race([
    profile,
    sleep(limitMs, { trace: undefined, used: [], notes: ['the attached profiles took too long to arrive'] }),
  ])

const withEarly = (plan: PrefetchPlan, { requests, bytes }: Asked = NOTHING): PrefetchPlan => ({
  ...plan,
  requests: plan.requests + requests,
  bytes: plan.bytes + bytes,
})
const NOTHING: Asked = { requests: 0, bytes: 0 }

export function startFetching(
  {
    prefetch: mode,
    background = false,
    profile: spec,
  }: Pick<LazyTree, 'prefetch' | 'background' | 'profile'>,
  { material, content, demand, profile, early, room, settled }: Fetching,
): Started {
  const isStreamed = mode === 'stream'
  const limits = isStreamed ? STREAM : WHOLE
  const planned = (profile ? inTime(profile, spec?.patienceMs) : Promise.resolve(undefined)).then((known) => {
    const choice = choosePrefetch(mode, material, known)
    const asked = early?.stop()
    const { runs, plan } = planPrefetch(choice, content, limits)
    return { choice, runs, plan: withEarly(plan, asked) }
  })
  const fetchAll = isStreamed ? fetchWhatThereIs : fetchRuns
  const done = planned.then(({ runs }) => fetchAll(content, runs, limits.atOnce))
  const begun = Promise.withResolvers<void>()
  const rest = async () => {
    const { choice } = await planned
    await done
    const wanted = [...choice.later, ...wantedInAll(material.nodes, material.layers)]
    await fetchRest(content, demand, { wanted, startMs: choice.startMs, begun: begun.promise, room, settled })
  }
  if (background) rest().catch(() => {}) // without its prefetch there is no mount
  return { plan: planned.then(({ plan }) => plan), done, begin: begun.resolve }
}
