/** Limits of what a rebuild may make: checked when all layers are known, before anything has the target's name. Pure. */
import { HeadstartError } from '../../system/errors.ts'
import { layerBytes } from './layer-bytes.ts'
import type { LayerSummary } from './layer-summary.ts'

export interface Limits {
  /** share by which the layers may grow: 0.1 is a tenth */
  readonly growth?: number | undefined
  /** bytes that are fetched before the container is created: prioritized zones and tables of contents */
  readonly prefetchBytes?: number | undefined
}

/** @throws HeadstartError E_EXCEEDED: each limit that is exceeded, with both values */
export function checkLimits(layers: readonly LayerSummary[], { growth, prefetchBytes }: Limits): void {
  const sum = (of: (layer: LayerSummary) => number) => layers.reduce((total, layer) => total + of(layer), 0)
  const before = sum((layer) => layerBytes(layer).before)
  const grown = sum((layer) => layerBytes(layer).after) - before
  const ahead = sum(({ zoneBytes, tocBytes = 0 }) => zoneBytes + tocBytes)
  const faults = [
    ...(growth !== undefined && grown > growth * before
      ? [
          `the layers would grow by ${percent(grown / Math.max(1, before))}, and may grow by ${percent(growth)}`,
        ]
      : []),
    ...(prefetchBytes !== undefined && ahead > prefetchBytes
      ? [`${ahead} bytes would be fetched before the start, of ${prefetchBytes} at most`]
      : []),
  ]
  if (faults.length === 0) return
  throw new HeadstartError('E_EXCEEDED', `${faults.join('; ')}: nothing was replaced`, {
    hint: 'Raise the limit, or prefetch less: --split, --max-zone, --exclude',
  })
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
