/** What a layer that was read and written leaves to later rebuilds, and how it is said that it was written before. */
import type { Descriptor, Layer } from '../../image/types.ts'
import type { KnownLayers } from '../known/known-layers.ts'
import type { KnownEntry, MadeLayer } from '../known/record.ts'
import type { ChunkSizes } from '../plan/chunking.ts'
import type { LayerMoves } from '../plan/plan.ts'
import type { Written } from './layer-summary.ts'
import { type EstargzRead, type KnownRead, planLayerOf, type SpooledRead } from './read-layer.ts'

interface Memory {
  readonly known: KnownLayers | undefined
  readonly chunkSizeOf: ChunkSizes
}

/**
 * To be called before the layer is written, which compresses some of its files otherwise.
 * @returns remembers what was written; undefined: it depends on more than the layer and the moves, or nothing is remembered
 */
export function remembering(
  source: Layer,
  read: SpooledRead | EstargzRead | KnownRead,
  moves: LayerMoves,
  { known, chunkSizeOf }: Memory,
): ((written: Written) => Promise<void>) | undefined {
  const isAlone = read.kind === 'spooled' && !read.flaw && !read.isRelinked && read.layer.own.length === 0
  if (!known || !(isAlone || read.kind === 'known')) return undefined
  const entries = isAlone ? entriesOf(read, chunkSizeOf) : undefined
  return async (written) => {
    if (entries) await known.rememberEntries(source, entries)
    await known.rememberMade(source, moves, madeOf(written))
  }
}

function entriesOf(read: SpooledRead, chunkSizeOf: ChunkSizes): KnownEntry[] {
  const { digestOf, storedChunks } = planLayerOf(read, chunkSizeOf, false)
  return read.entries.map((entry) => ({
    path: entry.path,
    type: entry.type,
    size: entry.size,
    linkPath: entry.linkPath,
    digest: digestOf(entry),
    stored: storedChunks(entry).map(({ stored }) => stored),
  }))
}

function madeOf({ diffId, summary }: Written): MadeLayer {
  const { entries, zoneEntries, zoneFiles, splitFiles, zoneBytes, tocBytes = 0, notes = [] } = summary
  const { mediaType, digest, size, annotations = {} } = summary.result
  return {
    result: { mediaType, digest, size, annotations: { ...annotations } },
    diffId,
    facts: { entries, zoneEntries, zoneFiles, splitFiles, zoneBytes, tocBytes },
    notes: [...notes],
  }
}

/** Of a layer that was made before and is where it goes. */
export const writtenBefore = (source: Descriptor, { result, diffId, facts, notes }: MadeLayer): Written => ({
  diffId,
  summary: { source, result, how: 'unchanged', ...facts, ...(notes.length > 0 && { notes }), existed: true },
})
