/** What each file of the start costs, in each place that it could have; and which files are split. Pure. */
import type { Owned } from '../../image/rootfs/merge-layers.ts'
import type { OptimizeOptions } from '../options.ts'
import { type Costs, costsOf } from './cost.ts'
import type { Found } from './find.ts'
import type { PlanEntry, PlanLayer } from './layer.ts'
import { type Split, splitOf } from './split.ts'
import type { StartupFile } from './startup.ts'

export interface Weighed<E> {
  readonly found: Found<E>
  readonly costs: Costs
  /** undefined: it can't be split, or that would save nothing */
  readonly split: Split | undefined
}

type WeighOptions = Pick<OptimizeOptions, 'prioritize' | 'split' | 'network'>

export const contentOf = <E extends PlanEntry>({
  layer,
  entry,
  content,
}: Owned<E>): { layer: number; entry: E } => content ?? { layer, entry }

export const isCheaperOnDemand = (
  { prefetchMs, onDemandMs }: Pick<Costs, 'prefetchMs' | 'onDemandMs'>,
  { prioritize }: Pick<WeighOptions, 'prioritize'>,
): boolean => prioritize === 'worth' && prefetchMs > onDemandMs

export const NOTHING: Costs = { bytes: 0, prefetchMs: 0, onDemandMs: 0, onDemandBytes: 0 }

export function weighAll<E extends PlanEntry>(
  all: readonly Found<E>[],
  layers: readonly PlanLayer<E>[],
  options: WeighOptions,
): Weighed<E>[] {
  const names = options.split === 'off' ? undefined : Map.groupBy(all, ({ owned }) => contentOf(owned).entry)
  /** A file has one, under all its names. */
  const splits = new Map<E, Split | undefined>()
  return all.map((found) => {
    const { layer, entry } = contentOf(found.owned)
    const stored = layers[layer]
    if (stored === undefined || entry.type !== 'reg') return { found, costs: NOTHING, split: undefined }
    const chunks = stored.storedChunks(entry)
    const costs = costsOf(chunks, entry.size, found.file, options.network)
    if (!splits.has(entry)) {
      const file = oneFile(names?.get(entry) ?? [])
      const isRecorded = file && isSame(file, { size: entry.size, digest: stored.digestOf(entry) })
      const split = isRecorded && splitOf(chunks, entry.size, file, options.network)
      splits.set(entry, split && saves(split, costs, options) ? split : undefined)
    }
    return { found, costs, split: splits.get(entry) }
  })
}

const isByHand = <E>({ isIncluded, isExcluded }: Found<E>): boolean => isIncluded || isExcluded

/** What the start read of a file under all its names. @returns undefined: it goes whole or not at all, whatever was read of it, or isn't read before ready */
function oneFile<E>(names: readonly Found<E>[]): StartupFile | undefined {
  const files = names.flatMap(({ file }) => (file?.read ? [file] : []))
  const [first] = files
  if (first === undefined || names.some(isByHand)) return undefined
  if (files.some(({ ranges, afterReady }) => ranges.length === 0 || afterReady)) return undefined
  const ranges = files.flatMap((file) => file.ranges).toSorted(([a], [b]) => a - b)
  return { ...first, ranges }
}

/** Of a file of another build, or for another processor, other places are read. */
const isSame = (
  file: Pick<StartupFile, 'size' | 'digest'>,
  { size, digest }: { readonly size: number; readonly digest: string | undefined },
): boolean => (file.size === 0 || file.size === size) && (file.digest ?? digest) === (digest ?? file.digest)

function bestMs({ prefetchMs, onDemandMs }: Costs, { prioritize }: WeighOptions): number {
  return prioritize === 'worth' ? Math.min(prefetchMs, onDemandMs) : prefetchMs
}

/** What goes ahead is stored twice, and a model is not the truth: a split has to save this share of the file's time. */
const LEAST_SAVED = 0.1

function saves(split: Split, costs: Costs, options: WeighOptions): boolean {
  if (split.ranges.length === 0 || split.bytes >= costs.bytes) return false
  return options.split === 'always' || split.ms <= (1 - LEAST_SAVED) * bestMs(costs, options)
}
