/**
 * The what-if model: a phase of an arm takes the time of its bytes at a bandwidth, of its round trips at a latency, and a local
 * rest that does not depend on the link. Work on bytes while they arrive (checking, unpacking) shows only on links that are faster than it.
 * A full pull fetches and unpacks in parallel, so its layers are simulated. Pure; runs in the page.
 */
import type { ArmFit, PhaseFit } from './data.ts'

export interface Conditions {
  /** null: unlimited */
  readonly bitsPerSecond: number | null
  readonly roundTripMs: number
  /** machines that pull through the same link at the same time, sharing its bandwidth */
  readonly pulls: number
}

/** containerd fetches this many layers at a time */
const LANES = 3

const linkMsPerByte = ({ bitsPerSecond, pulls }: Conditions): number =>
  bitsPerSecond === null ? 0 : (8000 * pulls) / bitsPerSecond

type Pipeline = NonNullable<ArmFit['pipeline']>['layers']

/**
 * Layers are fetched `LANES` at a time over one link, and unpacked one after another, base layer first, once they have arrived.
 * @param workMsPerByte the least time that fetching takes on any link
 */
export function pipelineMs(layers: Pipeline, at: Conditions, workMsPerByte = 0): number {
  const msPerByte = Math.max(linkMsPerByte(at), workMsPerByte)
  const lanes = new Array<number>(LANES).fill(0)
  let linkFree = 0
  let unpacked = 0
  for (const { bytes, unpackMs } of layers) {
    const lane = lanes.indexOf(Math.min(...lanes))
    // Lanes share the link, so a layer arrives when its own bytes and all those requested before have passed.
    linkFree = Math.max(linkFree, (lanes[lane] ?? 0) + at.roundTripMs) + bytes * msPerByte
    lanes[lane] = linkFree
    unpacked = Math.max(unpacked, linkFree) + unpackMs
  }
  return unpacked
}

/** The part of a phase that depends on the link. @param pipeline its layers, if they overlap */
export const linkMs = (
  phase: Omit<PhaseFit, 'localMs'>,
  at: Conditions,
  pipeline: Pipeline | undefined,
): number =>
  pipeline
    ? pipelineMs(pipeline, at, phase.workMsPerByte)
    : phase.roundTrips * at.roundTripMs + phase.bytes * Math.max(linkMsPerByte(at), phase.workMsPerByte)

/** ms of each phase under the conditions */
export const predict = (fit: ArmFit, at: Conditions): number[] =>
  fit.phases.map(
    (phase, index) =>
      phase.localMs + linkMs(phase, at, fit.pipeline?.phase === index ? fit.pipeline.layers : undefined),
  )

export const total = (phases: readonly number[]): number => phases.reduce((sum, ms) => sum + ms, 0)

/** The range of bandwidths, 1 Mbit/s to 10 Gbit/s. */
export const BANDWIDTHS = { from: 1e6, to: 1e10 } as const
/**
 * The bandwidths at which two arms take the same time, with one faster below and the other above.
 * @returns bits per second, ascending; found by bisection between 80 steps on a logarithmic scale
 */
export function crossings(a: ArmFit, b: ArmFit, at: Conditions): number[] {
  const difference = (bitsPerSecond: number) =>
    total(predict(a, { ...at, bitsPerSecond })) - total(predict(b, { ...at, bitsPerSecond }))
  const steps = 80
  const point = (step: number) => BANDWIDTHS.from * (BANDWIDTHS.to / BANDWIDTHS.from) ** (step / steps)
  const found: number[] = []
  for (let step = 0; step < steps; step++) {
    let [low, high] = [point(step), point(step + 1)]
    if (Math.sign(difference(low)) === Math.sign(difference(high))) continue
    for (let halving = 0; halving < 30; halving++) {
      const between = Math.sqrt(low * high)
      if (Math.sign(difference(between)) === Math.sign(difference(low))) low = between
      else high = between
    }
    found.push(high)
  }
  return found
}
