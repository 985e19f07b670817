/** What a queue counts whenever an attempt ends: names with numbers, which are added up and never fall. Pure; two adapters keep the sums. */
import type { JobKind } from '../job.ts'
import type { Counters, JobResult } from './types.ts'

/** How an attempt ended: `retried` failed and will be tried again, `instead` asked for other jobs, `returned` was interrupted. */
export const ENDINGS = ['done', 'failed', 'retried', 'instead', 'returned'] as const
export type Ending = (typeof ENDINGS)[number]

/** Upper ends of the durations that are told apart, in seconds. */
export const DURATIONS_S = [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600] as const

export const endingCounter = (kind: JobKind, ending: Ending): string => `ended.${kind}.${ending}`
/** How many took at most this long, of those that were done. */
export const durationCounter = (kind: JobKind, seconds: number): string => `within.${kind}.${seconds}`
/** ms that those that were done took, together. */
export const timeCounter = (kind: JobKind): string => `ms.${kind}`

/** What rebuilt images weigh: bytes of layers, and those fetched before a start. */
export const BYTE_COUNTERS = ['layers.before', 'layers.after', 'start.full', 'start.lazy'] as const
export type ByteCounter = (typeof BYTE_COUNTERS)[number]

/** What one attempt adds. */
export function countersOf(kind: JobKind, ending: Ending, result?: JobResult): Counters {
  const counted: Record<string, number> = { [endingCounter(kind, ending)]: 1 }
  if (!result) return counted
  counted[timeCounter(kind)] = Math.round(result.tookMs)
  for (const seconds of DURATIONS_S)
    if (result.tookMs <= seconds * 1000) counted[durationCounter(kind, seconds)] = 1
  const bytes: Record<ByteCounter, number | undefined> = {
    'layers.before': result.bytes?.before,
    'layers.after': result.bytes?.after,
    'start.full': result.start?.fullBytes,
    'start.lazy': result.start?.bytes,
  }
  for (const name of BYTE_COUNTERS) {
    const value = bytes[name]
    if (value !== undefined) counted[name] = Math.round(value)
  }
  return counted
}
