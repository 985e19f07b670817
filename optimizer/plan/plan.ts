/**
 * Decides which files go into each layer's prioritized zone. Moves no bytes.
 *
 * Input:  the layers' entries with their compressed sizes, the files of the start, and what is assumed of the network.
 * Output: a Plan: per layer the paths that move, and for each file of the start what was decided and why.
 * Pure:   no clock, files or randomness; equal inputs give equal plans.
 */
import { type MergedTree, mergeLayers, type Owned } from '../../image/rootfs/merge-layers.ts'
import { type BytePath, textOf } from '../../system/byte-path.ts'
import type { OptimizeOptions } from '../options.ts'
import { type Costs, costsOf } from './cost.ts'
import { type Found, findStartup, type Missing } from './find.ts'
import type { PlanEntry, PlanLayer } from './layer.ts'

/** In the prioritized zone, first after it, or left in its place, to be read on demand. */
export type Placement = 'zone' | 'after-zone' | 'in-place'

/** Where a file goes and why; `reason` is for people. */
export interface Decision {
  /** text form */
  readonly path: string
  readonly layer: number
  readonly placement: Placement
  readonly reason: string
  /** compressed */
  readonly bytes: number
  /** milliseconds: to prefetch its bytes; to read it on demand. The difference is what the placement saves */
  readonly prefetchMs: number
  readonly onDemandMs: number
}

/** What moves to a layer's beginning. */
export interface LayerMoves {
  /** paths for the prioritized zone, in order; without what they need before them */
  readonly zone: readonly BytePath[]
  /** paths that come first after it */
  readonly afterZone: readonly BytePath[]
}

export interface Plan {
  readonly layers: readonly LayerMoves[]
  readonly decisions: readonly Decision[]
  /** files of the start that the image doesn't have; text form */
  readonly missing: readonly Missing[]
  /** share of the start's files that were found, 0 to 1; 1 for an empty start */
  readonly coverage: number
  /** compressed bytes of the files in all zones */
  readonly zoneBytes: number
}

export type PlanOptions = Pick<OptimizeOptions, 'prioritize' | 'network' | 'maxZone' | 'include' | 'exclude'>

/** @param startup in the order of the first access */
export function planImage<E extends PlanEntry>(
  layers: readonly PlanLayer<E>[],
  startup: Parameters<typeof findStartup>[0],
  options: PlanOptions,
  tree: MergedTree<E> = mergeLayers(layers.map(({ entries }) => entries)),
): Plan {
  const search = findStartup(startup, tree, layers, options)
  const planned = layers.map(() => ({ zone: new Set<BytePath>(), afterZone: new Set<BytePath>() }))
  const decisions: Decision[] = []
  const admitted = new Set<E>()
  const worthwhile = new Set<number>()
  let zoneBytes = 0
  for (const found of search.found) {
    const { owned } = found
    const costs = weigh(found, layers, admitted, options)
    const { placement, reason } = decide(found, costs, zoneBytes, options)
    if (placement !== 'in-place')
      for (const [layer, path] of movesOf(found.path, owned)) place(planned[layer], placement, path)
    if (placement === 'zone') {
      zoneBytes += costs.bytes
      const content = owned.content ?? owned
      admitted.add(content.entry)
      if (content.entry.size > 0) worthwhile.add(content.layer)
    }
    decisions.push({ path: textOf(found.path), layer: owned.layer, placement, reason, ...costs })
  }
  return {
    layers: planned.map(({ zone, afterZone }, layer) => ({
      zone: worthwhile.has(layer) ? [...zone] : [],
      afterZone: [...afterZone].filter((path) => !zone.has(path)),
    })),
    decisions: decisions.map((decision) => withoutEmptyZone(decision, worthwhile)),
    missing: search.missing,
    coverage: search.coverage,
    zoneBytes,
  }
}

/** A zone costs a request. Links and empty files are known from the table of contents: for them alone none is made. */
function withoutEmptyZone(decision: Decision, worthwhile: ReadonlySet<number>): Decision {
  if (decision.placement !== 'zone' || worthwhile.has(decision.layer)) return decision
  return {
    ...decision,
    placement: 'in-place',
    reason: `${decision.reason}; nothing else of its layer is prefetched`,
  }
}

function place(
  layer: { zone: Set<BytePath>; afterZone: Set<BytePath> } | undefined,
  placement: Placement,
  path: BytePath,
): void {
  if (placement === 'zone') layer?.zone.add(path)
  else layer?.afterZone.add(path)
}

/** A hardlink to a file of a lower layer needs both: the link here, the content there. */
function movesOf<E extends PlanEntry>(
  path: BytePath,
  { layer, entry, content }: Owned<E>,
): [number, BytePath][] {
  const isElsewhere = content !== undefined && (content.layer !== layer || content.entry !== entry)
  return isElsewhere
    ? [
        [content.layer, content.entry.path],
        [layer, path],
      ]
    : [[layer, path]]
}

/** A file that is in the zone already, under another name, costs nothing more. */
function weigh<E extends PlanEntry>(
  { owned, file }: Found<E>,
  layers: readonly PlanLayer<E>[],
  admitted: ReadonlySet<E>,
  { network }: PlanOptions,
): Costs {
  const content = owned.content ?? { layer: owned.layer, entry: owned.entry }
  const layer = layers[content.layer]
  if (layer === undefined || content.entry.type !== 'reg' || admitted.has(content.entry))
    return { bytes: 0, prefetchMs: 0, onDemandMs: 0 }
  return costsOf(layer.storedChunks(content.entry), content.entry.size, file, network)
}

function decide<E extends PlanEntry>(
  found: Found<E>,
  costs: Costs,
  zoneBytes: number,
  options: PlanOptions,
): { placement: Placement; reason: string } {
  const { file } = found
  const moved = found.movedFrom === undefined ? '' : `; was at ${found.movedFrom}`
  if (found.isExcluded) return { placement: 'in-place', reason: 'excluded' }
  if (!found.isIncluded) {
    const { type } = (found.owned.content ?? found.owned).entry
    if (type === 'symlink') return { placement: 'zone', reason: `a link that was followed${moved}` }
    if (type !== 'reg' && type !== 'hardlink') return { placement: 'zone', reason: `has no content${moved}` }
    if (file === undefined || !file.read) return { placement: 'in-place', reason: 'opened but never read' }
    if (file.afterReady) return { placement: 'after-zone', reason: `read after ready${moved}` }
    if (options.prioritize === 'worth' && costs.prefetchMs > costs.onDemandMs)
      return { placement: 'in-place', reason: `read in a few places, cheaper on demand${moved}` }
  }
  if (options.maxZone !== undefined && zoneBytes + costs.bytes > options.maxZone)
    return { placement: 'after-zone', reason: `does not fit into ${options.maxZone} bytes${moved}` }
  return { placement: 'zone', reason: `${found.isIncluded ? 'included' : 'read during the start'}${moved}` }
}
