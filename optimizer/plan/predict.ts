/**
 * What the model says of the first start of the new image on a machine that has nothing of it, against pulling the old one whole: bytes, and the
 * time they take. What the program itself takes is left out, as it is the same in both. Pure.
 */
import type { NetworkModel } from '../options.ts'
import { bytesPerMs, decodeMs } from './cost.ts'
import type { Decision } from './plan.ts'

export interface PredictedStart {
  /** fetched until the container is ready */
  readonly bytes: number
  /** of the old image, as it was stored */
  readonly fullBytes: number
  readonly ms: number
  readonly fullMs: number
}

export interface PredictedLayer {
  /** compressed bytes, before and after */
  readonly before: number
  readonly after: number
  /** bytes of its files */
  readonly content: number
  readonly zoneBytes: number
  /** of table of contents and footer; undefined: it is no lazy layer, and is pulled whole */
  readonly tocBytes: number | undefined
}

/** Manifest and config, one after the other. */
const ROUND_TRIPS_BEFORE = 2

export function predictStart(
  layers: readonly PredictedLayer[],
  decisions: readonly Decision[],
  network: NetworkModel,
): PredictedStart {
  const [perMs, { latencyMs }] = [bytesPerMs(network), network]
  const sum = (of: (layer: PredictedLayer) => number) => layers.reduce((total, layer) => total + of(layer), 0)
  const whole = layers.filter(({ tocBytes }) => tocBytes === undefined)
  const bytesOfWhole = whole.reduce((total, { after }) => total + after, 0)
  const contentOfWhole = whole.reduce((total, { content }) => total + content, 0)
  const tocs = sum(({ tocBytes = 0 }) => tocBytes)
  const zones = sum(({ tocBytes, zoneBytes }) => (tocBytes === undefined ? 0 : zoneBytes))
  const fullBytes = sum(({ before }) => before)
  // Footers, tables of contents and zones are asked for one after the other, but of all layers at once.
  const roundTrips = ROUND_TRIPS_BEFORE + (whole.length < layers.length ? 2 : 0) + (zones > 0 ? 1 : 0)
  const before = roundTrips * latencyMs + (tocs + bytesOfWhole) / perMs + decodeMs(contentOfWhole, 0)
  return {
    bytes: tocs + bytesOfWhole + zones + decisions.reduce((total, each) => total + onDemandOf(each).bytes, 0),
    fullBytes,
    ms: before + decisions.reduce((total, each) => total + msOf(each), 0),
    fullMs:
      (ROUND_TRIPS_BEFORE + 1) * latencyMs +
      fullBytes / perMs +
      decodeMs(
        sum(({ content }) => content),
        0,
      ),
  }
}

const NOTHING = { bytes: 0, ms: 0 }

/** What is read before ready, and isn't ahead. */
const onDemandOf = ({ placement, isAwaited, onDemandBytes, onDemandMs }: Decision) =>
  isAwaited && (placement === 'in-place' || placement === 'after-zone')
    ? { bytes: onDemandBytes, ms: onDemandMs }
    : NOTHING

function msOf(decision: Decision): number {
  const { placement, split, prefetchMs } = decision
  if (placement === 'ranges') return split?.ms ?? 0
  return placement === 'zone' ? prefetchMs : onDemandOf(decision).ms
}
