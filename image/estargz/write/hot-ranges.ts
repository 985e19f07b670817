/**
 * Cuts files of which only ranges go ahead of the landmark. Each hot range becomes chunks that fit into carriers, as large as they can be: a
 * lazy runtime inflates a chunk each time one is read for the first time, so few are better than many.
 */
import { MAX_CARRIED_BYTES } from '../format/carrier.ts'
import type { Member } from './members.ts'
import type { HotRanges, LayerStore, PlacedEntry } from './store.ts'

/** A file's chunks, of unequal sizes, and which of them stand ahead. */
export interface Cut {
  readonly sizes: readonly number[]
  /** where the hot ones begin in the file */
  readonly hot: ReadonlySet<number>
}

/** A chunk is one to four of these. */
const UNIT_BYTES = 64 << 10
/** What doesn't compress fits into a carrier in pieces of this size. */
const DENSE_UNIT_BYTES = 60 << 10
const MAX_UNITS = 4
export const MAX_HOT_CHUNK_BYTES = MAX_UNITS * UNIT_BYTES

interface Piece {
  readonly start: number
  readonly size: number
}

/** A hot range of a file, in pieces. */
interface Run {
  readonly entry: PlacedEntry
  readonly start: number
  readonly end: number
  pieces: readonly Piece[]
}

/** @param chunkSizeOf how large the other chunks are */
export async function cutHotRanges(
  hot: HotRanges,
  chunkSizeOf: (entry: PlacedEntry) => number,
  store: LayerStore,
): Promise<ReadonlyMap<PlacedEntry, Cut>> {
  const runs = [...hot].flatMap(([entry, ranges]) =>
    ranges.map(([start, end]): Run => ({ entry, start, end, pieces: unitsOf(start, end, UNIT_BYTES) })),
  )
  // Its digest may be known by the member that holds all of it, whose place the first piece takes.
  for (const entry of hot.keys()) entry.digest ??= store.digestOf(entry)
  await store.compress(membersOf(runs))
  const dense = runs.filter((run) =>
    run.pieces.some((piece) => storedSize(run, piece, store) > MAX_CARRIED_BYTES),
  )
  for (const run of dense) run.pieces = unitsOf(run.start, run.end, DENSE_UNIT_BYTES)
  await store.compress(membersOf(dense))
  const apart = runs.map(({ pieces }) => pieces)
  for (const run of runs) run.pieces = joined(run, store)
  await store.compress(membersOf(runs))
  for (const [index, run] of runs.entries()) run.pieces = fitting(run, apart[index] ?? [], store)
  return cutsOf(runs, chunkSizeOf)
}

function unitsOf(start: number, end: number, unit: number): Piece[] {
  const pieces: Piece[] = []
  for (let at = start; at < end; at += unit) pieces.push({ start: at, size: Math.min(unit, end - at) })
  return pieces
}

function* membersOf(runs: readonly Run[]): Generator<Member<PlacedEntry>> {
  for (const { entry, pieces } of runs)
    for (const { start, size } of pieces)
      yield {
        ranges: [rangeOf(entry, { start, size })],
        size,
        chunks: [{ place: entry, fileOffset: start, size, innerOffset: 0 }],
      }
}

const rangeOf = ({ content }: PlacedEntry, { start, size }: Piece) => ({
  start: content + start,
  end: content + start + size,
})

function storedSize({ entry }: Run, piece: Piece, store: LayerStore): number {
  const stored = store.stored([rangeOf(entry, piece)])
  if (stored === undefined) throw new Error('a piece was not compressed')
  return stored.size
}

/** Neighbours that are small enough together: as one they are smaller still. */
function joined(run: Run, store: LayerStore): Piece[] {
  const pieces: (Piece & { readonly units: number; readonly stored: number })[] = []
  for (const piece of run.pieces) {
    const stored = storedSize(run, piece, store)
    const last = pieces.at(-1)
    if (last && last.units < MAX_UNITS && last.stored + stored <= MAX_CARRIED_BYTES)
      pieces[pieces.length - 1] = {
        start: last.start,
        size: last.size + piece.size,
        units: last.units + 1,
        stored: last.stored + stored,
      }
    else pieces.push({ ...piece, units: 1, stored })
  }
  return pieces
}

/** One that turned out larger than its parts is taken apart again. */
const fitting = (run: Run, apart: readonly Piece[], store: LayerStore): Piece[] =>
  run.pieces.flatMap((piece) =>
    storedSize(run, piece, store) <= MAX_CARRIED_BYTES
      ? [piece]
      : apart.filter(({ start }) => start >= piece.start && start < piece.start + piece.size),
  )

function cutsOf(
  runs: readonly Run[],
  chunkSizeOf: (entry: PlacedEntry) => number,
): ReadonlyMap<PlacedEntry, Cut> {
  const cuts = new Map<PlacedEntry, Cut>()
  for (const [entry, own] of Map.groupBy(runs, (run) => run.entry)) {
    const sizes: number[] = []
    const hot = new Set<number>()
    let at = 0
    const coldUntil = (end: number) => {
      for (const { size } of unitsOf(at, end, chunkSizeOf(entry))) sizes.push(size)
    }
    for (const { start, end, pieces } of own) {
      coldUntil(start)
      for (const piece of pieces) {
        sizes.push(piece.size)
        hot.add(piece.start)
      }
      at = end
    }
    coldUntil(entry.size)
    cuts.set(entry, { sizes, hot })
  }
  return cuts
}
