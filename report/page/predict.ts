/**
 * The what-if model: each phase of an arm takes what its bytes need at a bandwidth, its round trips at a latency, and a local
 * rest that no link changes. A full pull overlaps fetching with unpacking, so its layers are played through. Pure; runs in the
 * page as well.
 */
import type { ArmFit, PageLink, PhaseFit } from './data.ts'

export interface Conditions {
  /** null: not limited */
  readonly bitsPerSecond: number | null
  readonly roundTripMs: number
  /** machines that pull at once through the same link, sharing its bandwidth */
  readonly pulls: number
}

export interface MeasuredPhase {
  readonly ms: number
  readonly bytes: number
  readonly roundTrips: number
}

export interface MeasuredSample {
  readonly phases: readonly MeasuredPhase[]
  readonly layers: readonly { readonly bytes: number; readonly unpackMs: number }[]
}

/** containerd fetches so many layers at once */
const LANES = 3

const transferMs = (bytes: number, { bitsPerSecond, pulls }: Conditions): number =>
  bitsPerSecond === null ? 0 : (bytes * 8000 * pulls) / bitsPerSecond

const phaseLinkMs = (phase: Omit<PhaseFit, 'localMs'>, at: Conditions): number =>
  phase.roundTrips * at.roundTripMs + transferMs(phase.bytes, at)

type Pipeline = NonNullable<ArmFit['pipeline']>['layers']

/** Layers are fetched `LANES` at a time over one link, and unpacked one after another, base layer first, once they are here. */
export function pipelineMs(layers: Pipeline, at: Conditions): number {
  const lanes = new Array<number>(LANES).fill(0)
  let linkFree = 0
  let unpacked = 0
  for (const { bytes, unpackMs } of layers) {
    const lane = lanes.indexOf(Math.min(...lanes))
    // Lanes share the link, so a layer is here when its own bytes and all those asked for before it have passed.
    linkFree = Math.max(linkFree, (lanes[lane] ?? 0) + at.roundTripMs) + transferMs(bytes, at)
    lanes[lane] = linkFree
    unpacked = Math.max(unpacked, linkFree) + unpackMs
  }
  return unpacked
}

/** ms of each phase under other conditions */
export function predict(fit: ArmFit, at: Conditions): number[] {
  return fit.phases.map((phase, index) =>
    fit.pipeline?.phase === index
      ? phase.localMs + pipelineMs(fit.pipeline.layers, at)
      : phase.localMs + phaseLinkMs(phase, at),
  )
}

export const total = (phases: readonly number[]): number => phases.reduce((sum, ms) => sum + ms, 0)

const middle = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[sorted.length >> 1] ?? 0]
  return (low + high) / 2
}

function fitOnce(
  samples: readonly MeasuredSample[],
  at: Conditions,
  pipelinePhase: number | undefined,
): ArmFit {
  const first = samples[0]
  const layers = (first?.layers ?? []).map((layer, index) => ({
    bytes: layer.bytes,
    unpackMs: middle(samples.map((sample) => sample.layers[index]?.unpackMs ?? layer.unpackMs)),
  }))
  const pipeline =
    pipelinePhase !== undefined && layers.length > 0 ? { phase: pipelinePhase, layers } : undefined
  const phases = (first?.phases ?? []).map((_, index): PhaseFit => {
    const of = (pick: (phase: MeasuredPhase) => number) =>
      middle(samples.flatMap((sample) => sample.phases[index] ?? []).map(pick))
    const needs = { bytes: of((phase) => phase.bytes), roundTrips: of((phase) => phase.roundTrips) }
    const linkMs = pipeline?.phase === index ? pipelineMs(layers, at) : phaseLinkMs(needs, at)
    return { ...needs, localMs: Math.max(0, of((phase) => phase.ms) - linkMs) }
  })
  return { phases, pipeline, error: undefined }
}

/**
 * @param pipelinePhase the phase whose layers overlap in a full pull
 * @returns the medians' fit, with the error each sample shows when it is predicted from the others
 */
export function fitArm(
  samples: readonly MeasuredSample[],
  link: PageLink,
  pipelinePhase: number | undefined,
): ArmFit {
  const at = { ...link, pulls: 1 }
  const fit = fitOnce(samples, at, pipelinePhase)
  if (samples.length < 2) return fit
  const errors = samples.map((sample, index) => {
    const others = fitOnce(samples.toSpliced(index, 1), at, pipelinePhase)
    const measured = total(sample.phases.map((phase) => phase.ms))
    return Math.abs(total(predict(others, at)) - measured) / Math.max(measured, 1)
  })
  return { ...fit, error: errors.reduce((sum, one) => sum + one, 0) / errors.length }
}

/** The bandwidths that are looked at, 1 Mbit/s to 10 Gbit/s. */
export const BANDWIDTHS = { from: 1e6, to: 1e10 } as const

/**
 * Where two arms take the same time, if one is faster on one side and one on the other.
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
