/** Sizes of a layer before and after, in a form in which they can be compared. Pure. */
import { isLayerType, layerKind } from '../../image/media-types.ts'
import type { Descriptor } from '../../image/types.ts'
import type { LayerSummary } from './layer-summary.ts'

/** As an engine keeps it. */
export const isUnpacked = ({ mediaType }: Descriptor): boolean =>
  isLayerType(mediaType) && layerKind(mediaType).compression === 'none'

/** What it would be compressed isn't known of a layer that came unpacked: then it counts as much as the new one. */
export const layerBytes = ({
  source,
  result,
}: Pick<LayerSummary, 'source' | 'result'>): { before: number; after: number } => ({
  before: isUnpacked(source) && !isUnpacked(result) ? result.size : source.size,
  after: result.size,
})
