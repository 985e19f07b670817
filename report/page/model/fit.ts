/** Fits the what-if model to what was measured, on one link or on several, and says how far it is off where it had not looked. Pure. */
import { median } from '../../bench/stats.ts'
import type { ArmFit, PageLink, PhaseFit } from '../shared/data.ts'
import { linkMs, predict, total } from '../shared/predict.ts'

export interface MeasuredPhase {
  readonly ms: number
  /** that came during the phase, whatever they were for */
  readonly bytes: number
  readonly roundTrips: number
}

export interface MeasuredSample {
  readonly phases: readonly MeasuredPhase[]
  readonly layers: readonly { readonly bytes: number; readonly unpackMs: number }[]
}

/** An arm's samples on one link. */
export interface MeasuredLink {
  readonly link: PageLink
  readonly samples: readonly MeasuredSample[]
}

type Layers = NonNullable<ArmFit['pipeline']>['layers']
type At = PageLink & { readonly pulls: number }

/** The medians of a link's samples. */
interface Point {
  readonly at: At
  readonly phases: readonly MeasuredPhase[]
  readonly layers: Layers
  readonly totalMs: number
}

/** Which part of the round trips waited for one another: the chain that was counted, or, as several links can tell, less of it or more. */
const SERIES = [1, 0.75, 0.5, 0.25, 0, 1.25, 1.5]

/**
 * What checking and unpacking a byte that is fetched lazily takes at least: 10 ms for a megabyte. One slow link can't tell, so it is
 * assumed then, rather than nothing: over bandwidths of a gigabit this decides.
 */
const ASSUMED_WORK_MS_PER_BYTE = 10e-6

/** A more complicated explanation has to be better than a simple one by this factor. */
const CLEARLY = 0.9

function pointOf({ link, samples }: MeasuredLink): Point {
  const first = samples[0]
  const phases = (first?.phases ?? []).map((_, index): MeasuredPhase => {
    const own = samples.flatMap((sample) => sample.phases[index] ?? [])
    return {
      ms: median(own.map(({ ms }) => ms)),
      bytes: median(own.map(({ bytes }) => bytes)),
      roundTrips: median(own.map(({ roundTrips }) => roundTrips)),
    }
  })
  const layers = (first?.layers ?? []).map((layer, index) => ({
    bytes: layer.bytes,
    unpackMs: median(samples.map((sample) => sample.layers[index]?.unpackMs ?? layer.unpackMs)),
  }))
  const at = { ...link, pulls: 1 }
  return { at, phases: carryOver(phases, at), layers, totalMs: total(phases.map(({ ms }) => ms)) }
}

/**
 * Phases are told apart by several clocks, and what fetches tables of contents may fetch zones beside them: round trips that a phase had no
 * time for were waited for in the next one.
 */
function carryOver(phases: readonly MeasuredPhase[], at: At): MeasuredPhase[] {
  let carried = 0
  return phases.map((phase, index) => {
    const wanted = phase.roundTrips + carried
    const room = Math.max(0, phase.ms - linkMs({ ...phase, roundTrips: 0, workMsPerByte: 0 }, at, undefined))
    const isLast = index === phases.length - 1
    const roundTrips = at.roundTripMs === 0 || isLast ? wanted : Math.min(wanted, room / at.roundTripMs)
    carried = wanted - roundTrips
    return { ...phase, roundTrips }
  })
}

interface Candidate {
  readonly fit: PhaseFit
  /** sum of squares, each relative to its link's whole time */
  readonly loss: number
}

/** The best rest for given needs: the weighted mean of what they leave over. */
function withRest(
  needs: Omit<PhaseFit, 'localMs'>,
  points: readonly Point[],
  index: number,
  layers: Layers | undefined,
): Candidate {
  const rests = points.map(({ at, phases, totalMs }) => ({
    ms: (phases[index]?.ms ?? 0) - linkMs(needs, at, layers),
    weight: 1 / Math.max(1, totalMs) ** 2,
  }))
  const weights = rests.reduce((sum, { weight }) => sum + weight, 0)
  const localMs = Math.max(0, rests.reduce((sum, { ms, weight }) => sum + ms * weight, 0) / weights)
  const loss = rests.reduce((sum, { ms, weight }) => sum + (ms - localMs) ** 2 * weight, 0)
  return { fit: { ...needs, localMs }, loss }
}

/**
 * Of one link only the rest can be told; several tell how much is in series, and what work the slower ones hide.
 * @param assumedWork ms a byte, unless several links tell otherwise
 */
function fitPhase(
  points: readonly Point[],
  index: number,
  layers: Layers | undefined,
  assumedWork: number,
): PhaseFit {
  const of = (pick: (phase: MeasuredPhase) => number) =>
    median(points.flatMap(({ phases }) => phases[index] ?? []).map(pick))
  const bytes = of((phase) => phase.bytes)
  const roundTrips = of((phase) => phase.roundTrips)
  const fastest = Math.min(...points.map(({ phases }) => phases[index]?.ms ?? 0))
  const most = bytes > 0 ? fastest / bytes : 0
  let best = withRest(
    { bytes, roundTrips, workMsPerByte: Math.min(assumedWork, most) },
    points,
    index,
    layers,
  )
  if (points.length < 2) return best.fit
  for (const share of SERIES)
    for (let tenth = 0; tenth <= 10; tenth++) {
      const needs = { bytes, roundTrips: roundTrips * share, workMsPerByte: (most * tenth) / 10 }
      const next = withRest(needs, points, index, layers)
      if (next.loss < best.loss * CLEARLY) best = next
    }
  return best.fit
}

function fitPoints(points: readonly Point[], pipelinePhase: number | undefined): Omit<ArmFit, 'error'> {
  const [first] = points
  const layers = (first?.layers ?? []).map((layer, index) => ({
    ...layer,
    unpackMs: median(points.map((point) => point.layers[index]?.unpackMs ?? layer.unpackMs)),
  }))
  const pipeline =
    pipelinePhase !== undefined && layers.length > 0 ? { phase: pipelinePhase, layers } : undefined
  const assumedWork = pipelinePhase === undefined ? ASSUMED_WORK_MS_PER_BYTE : 0
  const phases = (first?.phases ?? []).map((_, index) =>
    fitPhase(points, index, pipeline?.phase === index ? layers : undefined, assumedWork),
  )
  return { phases, pipeline }
}

/** How far a fit is off from a point: a share of its time, below 0 where it is too fast. */
const errorAt = (fit: Pick<ArmFit, 'phases' | 'pipeline'>, measured: MeasuredLink): number => {
  const { at, totalMs } = pointOf(measured)
  return total(predict({ ...fit, error: undefined }, at)) / Math.max(1, totalMs) - 1
}

const meanOf = (errors: readonly number[]): number =>
  errors.reduce((sum, one) => sum + Math.abs(one), 0) / errors.length

/**
 * @param pipelinePhase of a full pull: the phase whose layers overlap; undefined for what is pulled lazily
 * @returns the fit, with its mean error where it is left in the dark: about a link, fitted on the others; or, measured on one only, about a
 * sample
 */
export function fitArm(measured: readonly MeasuredLink[], pipelinePhase: number | undefined): ArmFit {
  const fitted = (links: readonly MeasuredLink[]) => fitPoints(links.map(pointOf), pipelinePhase)
  const fit = fitted(measured)
  const [only, ...more] = measured
  if (more.length > 0) {
    const errors = measured.map((one, index) => errorAt(fitted(measured.toSpliced(index, 1)), one))
    return { ...fit, error: { mean: meanOf(errors), of: 'link' } }
  }
  if (!only || only.samples.length < 2) return { ...fit, error: undefined }
  const errors = only.samples.map((sample, index) =>
    errorAt(fitted([{ ...only, samples: only.samples.toSpliced(index, 1) }]), { ...only, samples: [sample] }),
  )
  return { ...fit, error: { mean: meanOf(errors), of: 'sample' } }
}
