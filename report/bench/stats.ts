/** Statistics of a few samples: median, p95, an interval, and whether two sets differ. Pure; randomness is seeded. */

/** @param q 0 to 1, interpolated between samples. @returns NaN without samples */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)]
  const high = sorted[Math.ceil(at)]
  if (low === undefined || high === undefined) return Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

export interface Interval {
  readonly low: number
  readonly high: number
}

/** 95 % interval of the median by percentile bootstrap: 2000 resamples, the same every time. Empty for one sample. */
export function medianInterval(values: readonly number[], seed = 1): Interval {
  if (values.length < 2) return { low: median(values), high: median(values) }
  const random = randomFrom(seed)
  const medians = Array.from({ length: 2000 }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)] ?? 0)),
  )
  return { low: quantile(medians, 0.025), high: quantile(medians, 0.975) }
}

/** What the samples of one thing come to. */
export interface Figure {
  readonly median: number
  readonly p95: number
  /** 95 % interval of the median */
  readonly interval: Interval
  readonly samples: readonly number[]
}

export const figure = (samples: readonly number[]): Figure => ({
  median: median(samples),
  p95: quantile(samples, 0.95),
  interval: medianInterval(samples),
  samples,
})

/** mulberry32: 32 bits of state are plenty for resampling. @returns numbers from 0 up to 1 */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** `none`: any difference is below a tenth; `unknown`: the samples are too few to be sure, or too far apart */
type Verdict = 'less' | 'more' | 'none' | 'unknown'

export interface Comparison {
  /** median of a divided by median of b: above 1, a is larger */
  readonly ratio: number
  /** two-sided; undefined if either side has fewer than `LEAST_SAMPLES` */
  readonly p: number | undefined
  readonly verdict: Verdict
}

/**
 * Fewer can't tell chance from a difference: of two and two, the faster two would be on one side by chance once in three times, however far apart
 * they are, and how they spread is anybody's guess.
 */
export const LEAST_SAMPLES = 3

const areTooFew = (...sides: readonly (readonly number[])[]): boolean =>
  sides.some(({ length }) => length < LEAST_SAMPLES)

/** A difference below a tenth is none, if the samples show that it is. */
const SAME = Math.log(1.1)

/**
 * Whether a is less or more than b, by Welch's t-test on logarithms (times spread in proportion to their size, and there are few samples) at
 * p < 0.05. That no difference was found is not enough for `none`: two more tests must rule out one of a tenth, to either side.
 */
export function compare(a: readonly number[], b: readonly number[]): Comparison {
  const ratio = median(a) / median(b)
  if (areTooFew(a, b)) return { ratio, p: undefined, verdict: 'unknown' }
  return { ratio, ...decide(spreadOf(a), spreadOf(b)) }
}

/**
 * How many samples of each would decide whether a and b differ, if they spread as those taken so far.
 * @returns undefined if `most` would not; `usual` where too few were taken to know how they spread
 */
export function samplesToDecide(
  a: readonly number[],
  b: readonly number[],
  { usual, most }: { readonly usual: number; readonly most: number },
): number | undefined {
  if (areTooFew(a, b)) return usual
  const [first, second] = [spreadOf(a), spreadOf(b)]
  const isEnough = (count: number) => decide({ ...first, count }, { ...second, count }).verdict !== 'unknown'
  return Array.from({ length: most - LEAST_SAMPLES + 1 }, (_, index) => index + LEAST_SAMPLES).find(isEnough)
}

/** Of the logarithms of samples. */
interface Spread {
  readonly mean: number
  readonly variance: number
  readonly count: number
}

function spreadOf(values: readonly number[]): Spread {
  const logs = values.map((value) => Math.log(Math.max(value, 1e-9)))
  const count = logs.length
  const mean = logs.reduce((sum, log) => sum + log, 0) / count
  return { mean, variance: logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (count - 1), count }
}

function decide(a: Spread, b: Spread): { readonly p: number; readonly verdict: Verdict } {
  const p = welch(a, b)
  const by = a.mean - b.mean
  if (p < 0.05) return { p, verdict: by < 0 ? 'less' : 'more' }
  const shifted = (shift: number) => welch({ ...a, mean: a.mean + shift }, b)
  // Each of the two asks about one side only, which halves its p.
  const isSame = Math.abs(by) < SAME && shifted(SAME) < 0.1 && shifted(-SAME) < 0.1
  return { p, verdict: isSame ? 'none' : 'unknown' }
}

/** @returns the two-sided p for both coming from distributions with the same mean */
function welch(a: Spread, b: Spread): number {
  const [va, vb] = [a.variance / a.count, b.variance / b.count]
  const distance = Math.abs(a.mean - b.mean)
  if (va + vb === 0) return distance === 0 ? 1 : 0
  const t2 = distance ** 2 / (va + vb)
  const freedom = (va + vb) ** 2 / (va ** 2 / (a.count - 1) + vb ** 2 / (b.count - 1))
  return betaRegularized(freedom / (freedom + t2), freedom / 2, 0.5)
}

/** Regularized incomplete beta function I_x(a, b), by its continued fraction (Lentz). */
function betaRegularized(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges quickly only to the left of this point; to the right, the mirrored one does.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaRegularized(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log(1 - x) - logBeta(a, b)) / a
  return front * betaFraction(x, a, b)
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-30
  const guard = (value: number) => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m < 200; m++) {
    for (const factor of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / guard(1 + factor * d)
      c = guard(1 + factor / c)
      fraction *= c * d
    }
    if (Math.abs(c * d - 1) < 1e-12) break
  }
  return fraction
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b)

/** Stirling's series, shifted by recurrence to where it is accurate enough. */
function logGamma(x: number): number {
  let shift = 0
  let z = x
  while (z < 12) shift += Math.log(z++)
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + 1 / (12 * z) - 1 / (360 * z ** 3) - shift
}
