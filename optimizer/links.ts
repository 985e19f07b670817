/** Links by name, for whoever plans or measures: bandwidth and round trip. */
import type { NetworkModel } from './options.ts'

export const LINKS = {
  /** a registry in the same datacentre or office */
  lan: { mbitPerSecond: 1000, latencyMs: 1 },
  /** a cloud registry over a good line */
  wan: { mbitPerSecond: 100, latencyMs: 10 },
  /** a shop, a vehicle, a home */
  edge: { mbitPerSecond: 20, latencyMs: 50 },
} as const satisfies Record<string, NetworkModel>
