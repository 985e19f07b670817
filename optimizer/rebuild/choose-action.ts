/** Decides what becomes of a layer: kept, reused, reordered or converted, and why. Pure. */
import { type EstargzEntry, rangesAhead } from '../../image/estargz/format/entry.ts'
import { orderLayer } from '../plan/order.ts'
import type { LayerMoves } from '../plan/plan.ts'
import type { ByteSpan } from '../plan/split.ts'
import type { EstargzRead, KeptRead, KnownRead, LayerRead, SpooledRead } from './read-layer.ts'

/** `why` is a clause for people: "the layer is converted: …" */
export type Action =
  /** sent as it is, unseen */
  | { readonly kind: 'keep'; readonly why: string; readonly read: KeptRead }
  /** sent as it is, once it has been verified */
  | { readonly kind: 'reuse'; readonly why: string; readonly read: EstargzRead }
  /** its members are copied, in another order or around another table of contents */
  | { readonly kind: 'reorder'; readonly why: string; readonly read: EstargzRead }
  /** its tar is compressed */
  | { readonly kind: 'convert'; readonly why: string; readonly read: SpooledRead | EstargzRead }
  /** what was made of it before is used if it is still there, else it is converted */
  | { readonly kind: 'recall'; readonly why: string; readonly read: KnownRead }

/** @param moves what the plan moves to the layer's beginning */
export function chooseAction(read: LayerRead, moves: LayerMoves): Action {
  if (read.kind === 'kept') return { kind: 'keep', why: read.why, read }
  if (read.kind === 'known') return { kind: 'recall', why: 'it was converted before', read }
  if (read.flaw !== undefined) return { kind: 'convert', why: read.flaw, read }
  if (read.kind === 'spooled') return { kind: 'convert', why: 'it is not an eStargz layer', read }
  if (read.staysWhole) return { kind: 'reuse', why: 'it is to stay as it is', read }
  if (read.misplaced !== undefined) return { kind: 'reorder', why: read.misplaced, read }
  const { zone } = orderLayer(read.entries, moves.zone, moves.afterZone)
  return hasZone(read, zone, moves.hot)
    ? { kind: 'reuse', why: 'its prioritized zone is the planned one', read }
    : { kind: 'reorder', why: 'its prioritized zone is not the planned one', read }
}

/** More than that of what is planned is not what is planned. */
const MOST_AHEAD = 1.1

/** What is in the zone decides, not in which order: the runtime fetches it whole. */
function hasZone(
  { layer, entries }: EstargzRead,
  zone: readonly EstargzEntry[],
  hot: LayerMoves['hot'],
): boolean {
  const { landmark, zoneEntries } = layer
  const wanted = zone.length > 0 || hot.size > 0 ? 'prefetch' : 'no-prefetch'
  if (landmark !== wanted || zone.length !== zoneEntries) return false
  if (!entries.every((entry) => hasAhead(entry, hot.get(entry.path) ?? []))) return false
  const present = new Set(entries.slice(0, zoneEntries))
  return zone.every((entry) => present.has(entry))
}

/** What is planned stands ahead, and little else: borders move a little when they are planned by other chunks. */
function hasAhead(entry: EstargzEntry, planned: readonly ByteSpan[]): boolean {
  const ahead = rangesAhead(entry)
  if (ahead.length === 0 || planned.length === 0) return ahead.length === planned.length
  const isCovered = planned.every(([start, end]) => ahead.some(([from, to]) => from <= start && end <= to))
  return isCovered && sizeOf(ahead) <= MOST_AHEAD * sizeOf(planned)
}

const sizeOf = (spans: readonly ByteSpan[]): number =>
  spans.reduce((sum, [start, end]) => sum + end - start, 0)
