/**
 * Decides which files go into each layer's prioritized zone. Moves no bytes.
 *
 * Input:  the layers' entries with their compressed sizes, the files of the start, and what is assumed of the network.
 * Output: a Plan: per layer the paths that move, and for each file of the start what was decided and why.
 * Pure:   no clock, files or randomness; equal inputs give equal plans.
 */
import { type MergedTree, mergeLayers, type Owned } from '../../image/rootfs/merge-layers.ts'
import { type BytePath, textOf } from '../../system/text/byte-path.ts'
import type { OptimizeOptions } from '../options.ts'
import { type Found, findStartup, type Missing } from './find.ts'
import type { PlanEntry, PlanLayer } from './layer.ts'
import type { ByteSpan, Split } from './split.ts'
import { totalMs } from './total.ts'
import { contentOf, isCheaperOnDemand, NOTHING, type Weighed, weighAll } from './weigh.ts'

/** In the prioritized zone, with only some of its ranges ahead, first after the zone, or left in its place, to be read on demand. */
export type Placement = 'zone' | 'ranges' | 'after-zone' | 'in-place'

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
  /** compressed bytes that reading it on demand fetches */
  readonly onDemandBytes: number
  /** the start reads it before the container is ready */
  readonly isAwaited: boolean
  /** of placement `ranges`: what goes ahead; absent under further names of the file */
  readonly split?: Split | undefined
}

/** What moves to a layer's beginning. */
export interface LayerMoves {
  /** paths for the prioritized zone, in order; without what they need before them */
  readonly zone: readonly BytePath[]
  /** paths that come first after it */
  readonly afterZone: readonly BytePath[]
  /** ranges that go ahead of everything, by the path of their file, which stays where it is */
  readonly hot: ReadonlyMap<BytePath, readonly ByteSpan[]>
}

export interface Plan {
  readonly layers: readonly LayerMoves[]
  readonly decisions: readonly Decision[]
  /** files of the start that the image doesn't have; text form */
  readonly missing: readonly Missing[]
  /** share of the start that the image still has, 0 to 1, as coverage.ts counts it; 1 for an empty start */
  readonly coverage: number
  /** compressed bytes of the files, and ranges of files, in all zones */
  readonly zoneBytes: number
}

export type PlanOptions = Pick<
  OptimizeOptions,
  'prioritize' | 'split' | 'network' | 'maxZone' | 'include' | 'exclude'
>

/** @param startup in the order of the first access */
export function planImage<E extends PlanEntry>(
  layers: readonly PlanLayer<E>[],
  startup: Parameters<typeof findStartup>[0],
  options: PlanOptions,
  tree: MergedTree<E> = mergeLayers(layers.map(({ entries }) => entries)),
): Plan {
  const search = findStartup(startup, tree, layers, options)
  const plan = planFound(search, layers, options)
  if (options.split !== 'auto' || options.maxZone === undefined) return plan
  // Where room is scarce, ranges may take it from files that gain more by it.
  const whole = planFound(search, layers, { ...options, split: 'off' })
  const [withRanges, without] = [plan, whole].map(({ decisions }) => totalMs(decisions))
  return (withRanges ?? 0) <= (without ?? 0) ? plan : whole
}

function planFound<E extends PlanEntry>(
  search: ReturnType<typeof findStartup<E>>,
  layers: readonly PlanLayer<E>[],
  options: PlanOptions,
): Plan {
  const weighed = weighAll(search.found, layers, options)
  const zones = new Zones<E>(layers.length, options)
  const decisions = weighed.map((each) => zones.place(each))
  return {
    layers: zones.moves(),
    decisions: decisions.map((decision) => zones.withoutEmpty(decision)),
    missing: search.missing,
    coverage: search.coverage,
    zoneBytes: zones.bytes,
  }
}

interface LayerZone {
  readonly zone: Set<BytePath>
  readonly afterZone: Set<BytePath>
  readonly hot: Map<BytePath, readonly ByteSpan[]>
}

/** Fills the zones, file by file. */
class Zones<E extends PlanEntry> {
  /** of all zones, compressed */
  bytes = 0
  private readonly layers: readonly LayerZone[]
  private readonly options: PlanOptions
  private readonly admitted = new Set<E>()
  /** A zone costs a request. Links and empty files are known from the table of contents: for them alone none is made. */
  private readonly worthwhile = new Set<number>()

  constructor(layers: number, options: PlanOptions) {
    const empty = () => ({ zone: new Set<BytePath>(), afterZone: new Set<BytePath>(), hot: new Map() })
    this.layers = Array.from({ length: layers }, empty)
    this.options = options
  }

  place({ found, split, ...weighed }: Weighed<E>): Decision {
    const content = contentOf(found.owned)
    // A file that is ahead already, under another name, costs nothing more.
    const costs = this.admitted.has(content.entry) ? NOTHING : weighed.costs
    const { placement, reason } = decide({ found, costs, split }, this.bytes, this.options)
    const layer = this.layers[content.layer]
    if (placement === 'ranges' && split) layer?.hot.set(content.entry.path, split.ranges)
    else this.move(found, placement)
    if (placement === 'zone' || placement === 'ranges') {
      if (!this.admitted.has(content.entry)) this.bytes += split?.bytes ?? costs.bytes
      this.admitted.add(content.entry)
      if (content.entry.size > 0) this.worthwhile.add(content.layer)
    }
    const decision = {
      path: textOf(found.path),
      layer: found.owned.layer,
      placement,
      reason,
      ...costs,
      isAwaited: found.file?.read === true && !found.file.afterReady,
    }
    return placement === 'ranges' && costs !== NOTHING ? { ...decision, split } : decision
  }

  private move({ path, owned }: Found<E>, placement: Placement): void {
    if (placement === 'in-place') return
    for (const [index, moved] of movesOf(path, owned)) {
      const layer = this.layers[index]
      if (placement === 'zone') layer?.zone.add(moved)
      else layer?.afterZone.add(moved)
    }
  }

  moves(): LayerMoves[] {
    return this.layers.map(({ zone, afterZone, hot }, layer) => ({
      zone: this.worthwhile.has(layer) ? [...zone] : [],
      afterZone: [...afterZone].filter((path) => !zone.has(path)),
      hot,
    }))
  }

  withoutEmpty(decision: Decision): Decision {
    if (decision.placement !== 'zone' || this.worthwhile.has(decision.layer)) return decision
    return {
      ...decision,
      placement: 'in-place',
      reason: `${decision.reason}; nothing else in its layer is prefetched`,
    }
  }
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

function decide<E extends PlanEntry>(
  { found, costs, split }: Weighed<E>,
  zoneBytes: number,
  options: PlanOptions,
): { placement: Placement; reason: string } {
  const { file } = found
  const moved = found.movedFrom === undefined ? '' : `; was at ${found.movedFrom}`
  if (found.isExcluded) return { placement: 'in-place', reason: 'excluded' }
  if (!found.isIncluded) {
    const { type } = (found.owned.content ?? found.owned).entry
    if (type === 'symlink') return { placement: 'zone', reason: `a symlink that was followed${moved}` }
    if (type !== 'reg' && type !== 'hardlink') return { placement: 'zone', reason: `has no content${moved}` }
    if (file === undefined || !file.read) return { placement: 'in-place', reason: 'opened but never read' }
    if (file.afterReady) return { placement: 'after-zone', reason: `read after ready${moved}` }
    if (split === undefined && isCheaperOnDemand(costs, options))
      return { placement: 'in-place', reason: `read in a few places, cheaper on demand${moved}` }
  }
  const bytes = split?.bytes ?? costs.bytes
  if (options.maxZone !== undefined && zoneBytes + bytes > options.maxZone)
    return { placement: 'after-zone', reason: `does not fit into ${options.maxZone} bytes${moved}` }
  if (split) return { placement: 'ranges', reason: `read in part, and only that is prefetched${moved}` }
  return { placement: 'zone', reason: `${found.isIncluded ? 'included' : 'read during the start'}${moved}` }
}
