/** What the plan needs to know of a layer and its entries. */
import type { LayerEntry } from '../../image/rootfs/merge-layers.ts'
import type { StoredChunk } from './cost.ts'

export interface PlanEntry extends LayerEntry {
  readonly size: number
}

/** One layer as the plan sees it; base first. */
export interface PlanLayer<E extends PlanEntry> {
  /** in the layer's order */
  readonly entries: readonly E[]
  /** compressed sizes of a regular file's chunks, in order */
  storedChunks(entry: E): readonly StoredChunk[]
  digestOf(entry: E): string | undefined
  /** The image whose start was recorded has the same layer, and isn't this one. */
  readonly isShared?: boolean
}
