/** In which order samples are taken, and how long the rest will take. Pure. */

export interface Rounds {
  /** of each arm */
  readonly samples: number
  /** of each arm, discarded */
  readonly warmups: number
}

export interface Turn<T> {
  readonly target: T
  /** warm-ups: -warmups to -1, then samples from 0 */
  readonly round: number
}

/**
 * Every round measures every arm once, so that a machine that becomes slower or faster does so for all of them. Each round begins with the
 * next arm, so that none always runs after the same one. Warm-up rounds come first.
 */
export function schedule<T>(arms: readonly T[], { samples, warmups }: Rounds): Turn<T>[] {
  return Array.from({ length: warmups + samples }, (_, at) => {
    const first = at % Math.max(1, arms.length)
    return [...arms.slice(first), ...arms.slice(0, first)].map((target) => ({ target, round: at - warmups }))
  }).flat()
}

/**
 * Estimates the time left: each remaining turn takes as long as its arm took so far on average, or, for an arm without a sample, as long as
 * all arms did. Undefined before anything was measured.
 */
export function timeLeft(
  turns: readonly Turn<{ readonly id: string }>[],
  taken: readonly { readonly arm: string; readonly ms: number }[],
): number | undefined {
  if (taken.length === 0) return undefined
  const average = (times: readonly { readonly ms: number }[]) =>
    times.reduce((sum, { ms }) => sum + ms, 0) / times.length
  return turns.slice(taken.length).reduce((left, { target }) => {
    const own = taken.filter((one) => one.arm === target.id)
    return left + average(own.length > 0 ? own : taken)
  }, 0)
}
