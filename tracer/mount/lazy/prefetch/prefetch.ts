/** Fetches ahead what a start will read: chosen by a profile or the zones of the layers, in planned requests, several at once. */
import { codeOf } from '../../../../system/errors.ts'
import { mapLimit } from '../../../../system/map-limit.ts'
import type { PrefetchPlan } from '../../messages.ts'
import type { LazyContent, LazyLayer, Reason } from '../content.ts'
import type { LazyNodes } from '../nodes.ts'
import type { LazyTree } from '../tree.ts'
import { bytesOf, type PlanLimits, type PlannedRun, planRuns, type Wanted } from './plan.ts'
import type { Profile } from './profile.ts'
import { type WantedByProfile, wantedByEngines, wantedByProfile, wantedInZones } from './wanted.ts'

/** What of an image there is to fetch. */
export interface Material {
  readonly nodes: LazyNodes
  readonly layers: readonly Pick<LazyLayer, 'groups'>[]
  /** of each layer */
  readonly zoneEnds: readonly number[]
}

/** While a container starts: more in flight, or larger, and what is read meanwhile waits longer. */
export const STREAM: PlanLimits = { firstBytes: 256 << 10, mostBytes: 2 << 20, gapBytes: 16 << 10, atOnce: 4 }
/** While nobody waits for anything else: each zone in one request, all layers at once. */
export const WHOLE: PlanLimits = { firstBytes: 256 << 20, mostBytes: 256 << 20, gapBytes: 0, atOnce: 1000 }

/** Of content, not of the connection. */
export const DAMAGE = new Set(['E_DIGEST', 'E_ESTARGZ'])

export interface Choice {
  readonly by: PrefetchPlan['by']
  /** in the order in which it is needed */
  readonly wanted: readonly Wanted[]
  /** what the profile says is needed once the start is over */
  readonly later: readonly Wanted[]
  /** how long a start takes; undefined: not known */
  readonly startMs: number | undefined
  readonly profiles: PrefetchPlan['profiles']
  readonly notes: readonly string[]
}

/** Pure. @param profile undefined: none was asked for */
export function choosePrefetch(
  mode: LazyTree['prefetch'],
  { nodes, layers, zoneEnds }: Material,
  profile: Profile | undefined,
): Choice {
  const notes = [...(profile?.notes ?? [])]
  const none = { later: [], startMs: undefined, profiles: [] }
  if (profile?.trace) {
    const { start, later, files } = wantedByProfile(profile.trace, nodes, layers)
    const startMs = profile.trace.run.ready.ms ?? undefined
    if (files.missing > files.all * MAY_BE_MISSING) notes.push(missingText(files))
    if (start.length > 0)
      return { by: 'profile', wanted: start, later, startMs, profiles: profile.used, notes }
    if (files.missing === 0) notes.push('the profile names no file that is read up to ready')
  }
  const zones = mode === 'none' ? [] : wantedInZones(zoneEnds, layers)
  if (zones.length === 0) return { by: 'nothing', wanted: [], notes, ...none }
  const ahead = mode === 'stream' ? wantedByEngines(nodes, layers) : []
  return { by: 'zone', wanted: [...ahead, ...zones], notes, ...none }
}

/** Between two builds a few files come and go. */
const MAY_BE_MISSING = 0.1

const missingText = ({ all, missing }: WantedByProfile['files']): string =>
  `this image lacks ${missing} of the ${all} files that the profile names: it is of another build, and the start is to be recorded again`

export interface Planned {
  readonly runs: readonly PlannedRun[]
  readonly plan: PrefetchPlan
}

/** Without what is at hand already. */
export function planPrefetch(choice: Choice, content: Pick<LazyContent, 'has'>, limits: PlanLimits): Planned {
  const missing = choice.wanted.filter(({ layer, group }) => !content.has(layer, group))
  const runs = planRuns(missing, limits)
  const { by, profiles, notes } = choice
  return {
    runs,
    plan: { by, profiles: [...profiles], notes: [...notes], requests: runs.length, bytes: bytesOf(runs) },
  }
}

/** All of them, or until one fails. @throws what fetching and decoding throw */
export async function fetchRuns(
  content: Pick<LazyContent, 'fetch'>,
  runs: readonly PlannedRun[],
  atOnce: number,
): Promise<void> {
  await mapLimit(runs, atOnce, new AbortController().signal, ({ layer, ...run }) =>
    content.fetch(layer, run, 'prefetch'),
  )
}

/**
 * All that can be had. Whoever reads what is damaged hears of it then; once the registry itself fails, it is not asked for more.
 * Never rejects.
 */
export const fetchWhatThereIs = (
  content: Pick<LazyContent, 'fetch'>,
  runs: readonly PlannedRun[],
  atOnce: number,
): Promise<void> =>
  fetchRuns(
    {
      fetch: (layer, run, reason: Reason) =>
        content.fetch(layer, run, reason).catch((error: unknown) => {
          if (!DAMAGE.has(codeOf(error) ?? '')) throw error
        }),
    },
    runs,
    atOnce,
  ).catch(() => {})
