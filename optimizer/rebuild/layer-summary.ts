/** What became of a layer, and how far along it is. */
import type { Descriptor, Digest } from '../../image/types.ts'

export interface LayerSummary {
  readonly source: Descriptor
  readonly result: Descriptor
  /** `reused`: it was right already; `kept`: not among `onlyLayers`; `reordered`: members copied, not compressed; `unchanged`: converted before, and the target has it */
  readonly how: 'converted' | 'reordered' | 'reused' | 'kept' | 'unchanged'
  /** of a layer that was eStargz already: why it was converted all the same, a clause for people */
  readonly why?: string
  /** what of the layer could not stay, a line each, for people */
  readonly notes?: readonly string[]
  readonly entries: number
  /** entries before the landmark, with the directories and links they need */
  readonly zoneEntries: number
  /** as `inspect` counts them in the result: regular files with content in the zone, and those of which ranges are ahead of it */
  readonly zoneFiles: number
  readonly splitFiles: number
  /** compressed bytes that a runtime prefetches */
  readonly zoneBytes: number
  /** bytes of table of contents and footer, which it fetches first; absent: it pulls the layer whole, or it isn't known */
  readonly tocBytes?: number
  /** the target had it already */
  readonly existed: boolean
}

export type Stage = 'read' | 'write' | 'send' | 'done'

export interface Written {
  readonly diffId: Digest
  readonly summary: LayerSummary
}
