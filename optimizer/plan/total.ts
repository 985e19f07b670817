/** What a start costs with all that was decided, by the model. Pure. */
import type { NetworkModel } from '../options.ts'
import { bytesPerMs } from './cost.ts'
import type { Split } from './split.ts'

interface Placed {
  readonly placement: string
  readonly layer: number
  readonly bytes: number
  readonly prefetchMs: number
  readonly onDemandMs: number
  readonly split?: Pick<Split, 'ms'> | undefined
}

export function totalMs(decisions: readonly Placed[], network: NetworkModel): number {
  const layers = Map.groupBy(decisions, ({ layer }) => layer).values()
  return [...layers].reduce(
    (sum, own) => sum + besideMs(own, network),
    decisions.reduce((sum, each) => sum + msOf(each), 0),
  )
}

function msOf({ placement, split, prefetchMs, onDemandMs }: Placed): number {
  if (placement === 'ranges') return split?.ms ?? 0
  return placement === 'zone' ? prefetchMs : onDemandMs
}

/** Behind the last carrier of a layer the runtime reads on, wanted or not: see `worthSplitting`. */
function besideMs(
  decisions: readonly Placed[],
  { readBytes = 0, latencyMs, ...network }: NetworkModel,
): number {
  if (!decisions.some(({ placement }) => placement === 'ranges')) return 0
  const zone = decisions.reduce((sum, { placement, bytes }) => sum + (placement === 'zone' ? bytes : 0), 0)
  const lacking = readBytes - zone
  return lacking > 0 ? lacking / bytesPerMs({ ...network, latencyMs }) + latencyMs : 0
}
