/** Which files of a layer are prefetched: whole in its zone, or in part ahead of everything. Pure. */
import type { EstargzEntry } from '../format/entry.ts'
import type { EstargzLayer } from './reader.ts'

/** Whole; what has no content is nowhere. */
export const isInZone = (
  { chunks }: Pick<EstargzEntry, 'chunks'>,
  { zoneEnd }: Pick<EstargzLayer, 'zoneEnd'>,
): boolean => (chunks[0]?.offset ?? zoneEnd) < zoneEnd

export interface ZoneFiles {
  /** regular files with content, in the zone */
  readonly zoneFiles: number
  /** that are not, but have ranges ahead of it */
  readonly splitFiles: number
}

export function zoneFilesOf(layer: Pick<EstargzLayer, 'entries' | 'zoneEnd'>): ZoneFiles {
  const regular = layer.entries.filter(({ type }) => type === 'reg')
  return {
    zoneFiles: regular.filter((entry) => isInZone(entry, layer)).length,
    splitFiles: regular.filter(({ ahead }) => ahead.length > 0).length,
  }
}
