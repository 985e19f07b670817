/** The groups of a layer's chunks: what is fetched, decoded and checked at once. Pure. */
import { type Group, groupsOf } from '../../../image/estargz/read/groups.ts'
import type { Chunk, EstargzEntry, EstargzLayer } from '../../../image/estargz/read/reader.ts'

/** Of all chunks, copies ahead among them. */
export const groupsByOffset = ({ entries }: Pick<EstargzLayer, 'entries'>): ReadonlyMap<number, Group> =>
  new Map(groupsOf(chunksOf(entries)).map((group) => [group.offset, group]))

function* chunksOf(entries: readonly EstargzEntry[]): Generator<Chunk> {
  const ahead = entries.flatMap((entry) => entry.ahead)
  yield* ahead.sort((a, b) => a.offset - b.offset)
  for (const { chunks } of entries) yield* chunks
}
