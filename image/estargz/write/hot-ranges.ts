/**
 * Cuts files of which only ranges go ahead of the landmark. Each hot range becomes chunks, as large as they may be, since each costs a runtime
 * a little; and each chunk, for its copy ahead, pieces that fit into carriers.
 */
import { MAX_CARRIED_BYTES } from '../format/carrier.ts'
import type { Member } from './members.ts'
import type { HotRanges, LayerStore, PlacedEntry, StoredMember } from './store.ts'

/** A file's chunks, of unequal sizes, and which of them stand ahead. */
export interface Cut {
  readonly sizes: readonly number[]
  /** the hot ones, by where they begin in the file */
  readonly hot: ReadonlyMap<number, HotChunk>
}

export interface HotChunk {
  readonly size: number
  /** its content, one behind the other */
  readonly members: readonly StoredMember[]
}

/** Bytes of a file. */
interface Piece {
  readonly start: number
  readonly size: number
}

/** A piece is one to four of these. */
const UNIT_BYTES = 64 << 10
/** What doesn't compress fits into a carrier in pieces of this size. */
const DENSE_UNIT_BYTES = 60 << 10
const MAX_UNITS = 4
/** A read of one byte has all of its chunk decompressed, where that was not done before. */
export const MAX_HOT_CHUNK_BYTES = 1 << 20

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
  await store.compress(membersOf(runs))
  return cutsOf(runs, chunkSizeOf, store)
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

function storedPiece(entry: PlacedEntry, piece: Piece, store: LayerStore): StoredMember {
  const stored = store.stored([rangeOf(entry, piece)])
  if (stored === undefined) throw new Error('a piece was not compressed')
  return stored
}

const storedSize = ({ entry }: Run, piece: Piece, store: LayerStore): number =>
  storedPiece(entry, piece, store).size

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
  store: LayerStore,
): ReadonlyMap<PlacedEntry, Cut> {
  const cuts = new Map<PlacedEntry, Cut>()
  for (const [entry, own] of Map.groupBy(runs, (run) => run.entry)) {
    const sizes: number[] = []
    const hot = new Map<number, HotChunk>()
    let at = 0
    const coldUntil = (end: number) => {
      for (const { size } of unitsOf(at, end, chunkSizeOf(entry))) sizes.push(size)
    }
    for (const { start, end, pieces } of own) {
      coldUntil(start)
      for (const chunk of chunksOf(pieces)) {
        const size = sizeOf(chunk)
        sizes.push(size)
        // Taken now: the chunk's own member, which is made later, takes the place of its first piece in the store.
        const members = chunk.map((piece) => storedPiece(entry, piece, store))
        hot.set(chunk[0]?.start ?? start, { size, members })
      }
      at = end
    }
    coldUntil(entry.size)
    cuts.set(entry, { sizes, hot })
  }
  return cuts
}

/** As many pieces to a chunk as it may have. */
function chunksOf(pieces: readonly Piece[]): Piece[][] {
  const chunks: Piece[][] = []
  for (const piece of pieces) {
    const last = chunks.at(-1)
    if (last && sizeOf(last) + piece.size <= MAX_HOT_CHUNK_BYTES) last.push(piece)
    else chunks.push([piece])
  }
  return chunks
}

const sizeOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { size }) => sum + size, 0)
