/** How a format ends a layer: what stands behind the last entry, and where the table of contents goes. */
import type { TocEntry } from '../format/toc.ts'
import type { Emit, LayerStore, PlacedEntry, WrittenToc } from './store.ts'

/** The blob as far as it is written. */
export interface BlobSoFar {
  /** bytes */
  readonly size: number
  readonly add: Emit
}

export interface Closing {
  /** What the format wants to know of entries beyond what every one wants. */
  detailed?(toc: Iterable<TocEntry>): Iterable<TocEntry>
  /** @param toc of the entries; the blob is written as it is walked through */
  finish(toc: Iterable<TocEntry>, blob: BlobSoFar): Promise<Omit<WrittenToc, 'zoneBytes'>>
}

/** @param entries in the layer's order, the landmark among them; all their members are stored */
export type Ending = (entries: readonly PlacedEntry[], store: LayerStore) => Promise<Closing>
