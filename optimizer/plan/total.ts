/** What a start costs with all that was decided, by the model. Pure. */
import type { Costs } from './cost.ts'
import type { Split } from './split.ts'

interface Placed extends Pick<Costs, 'prefetchMs' | 'onDemandMs'> {
  readonly placement: string
  readonly split?: Pick<Split, 'ms'> | undefined
}

export const totalMs = (decisions: readonly Placed[]): number =>
  decisions.reduce((sum, each) => sum + msOf(each), 0)

function msOf({ placement, split, prefetchMs, onDemandMs }: Placed): number {
  if (placement === 'ranges') return split?.ms ?? 0
  return placement === 'zone' ? prefetchMs : onDemandMs
}
