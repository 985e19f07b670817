/** What is said of a container that is started lazily: a line, and what a person should know. Pure. */
import type { PrefetchPlan } from '../../tracer/mount/mount.ts'
import { bytes, counted } from './output.ts'

/** More of them would bury what the container writes. */
const MAX_NOTES = 2

/** @param plan undefined: it was over before that was known */
export function lazyLines(layers: number, plan: PrefetchPlan | undefined): string[] {
  const line = `read lazily: ${counted(layers, 'layer')}`
  return plan ? [`${line}, ${prefetchText(plan)}`, ...plan.notes.slice(0, MAX_NOTES)] : [line]
}

function prefetchText({ by, bytes: size, profiles }: PrefetchPlan): string {
  if (by === 'nothing') return 'nothing prefetched'
  const named = profiles.map(({ name }) => name).join(', ')
  const what = by === 'zone' ? 'its prioritized zone' : `profile${profiles.length > 1 ? 's' : ''} ${named}`
  return size === 0 ? `the files of ${what} are cached` : `${bytes(size)} prefetched by ${what}`
}
