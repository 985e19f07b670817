/** Fits the what-if model to measurements on one link or several, and estimates its error by cross-validation. Pure. */
import { median } from '../../bench/stats.ts'
import type { ArmFit, PageLink, PhaseFit } from '../shared/data.ts'
import { linkMs, predict, total } from '../shared/predict.ts'

export interface MeasuredPhase {
  readonly ms: number
  /** that arrived during the phase, whatever their purpose */
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

/** The share of the counted round trips that delays the phase: all of them, or what measurements on several links suggest. */
const SERIES = [1, 0.75, 0.5, 0.25, 0, 1.25, 1.5]

/**
 * The least time for checking and unpacking a byte that is fetched lazily: 10 ms per megabyte. One slow link does not reveal it, so it is
 * assumed: above a gigabit per second it dominates.
 */
const ASSUMED_WORK_MS_PER_BYTE = 10e-6

/** A more complicated explanation must be better than a simple one by this factor. */
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
 * The marks between phases come from several clocks, and zones may be fetched in parallel with tables of contents: round trips that do not
 * fit into a phase delayed the next one.
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
  /** sum of squares, each relative to the total time on its link */
  readonly loss: number
}

/** The best local rest for given transfers: the weighted mean of what they leave unexplained. */
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
 * One link determines only the rest; several also show which round trips count, and how much work the slower links hide.
 * @param assumedWork ms per byte, unless several links suggest otherwise
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

/** The error of a fit at a point, as a share of its time; below 0 if the prediction is too fast. */
const errorAt = (fit: Pick<ArmFit, 'phases' | 'pipeline'>, measured: MeasuredLink): number => {
  const { at, totalMs } = pointOf(measured)
  return total(predict({ ...fit, error: undefined }, at)) / Math.max(1, totalMs) - 1
}

const meanOf = (errors: readonly number[]): number =>
  errors.reduce((sum, one) => sum + Math.abs(one), 0) / errors.length

/**
 * @param pipelinePhase of a full pull: the phase in which layers overlap; undefined for lazy pulling
 * @returns the fit, with its mean error for a link that it was not fitted on; or, with only one link, for a sample that it was not fitted
 * on
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
