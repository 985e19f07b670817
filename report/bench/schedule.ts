/** In which order samples are taken, and how long the rest will take. Pure. */

export interface Turn {
  readonly arm: string
  /** warm-ups: -warmups to -1, then samples from 0 */
  readonly round: number
}

/**
 * Every round measures every arm once, so that a machine that gets slower or faster does so for all; each round begins with the
 * next arm, so that none always runs after the same one. Warm-up rounds come first.
 */
export function schedule(arms: readonly string[], samples: number, warmups: number): Turn[] {
  return Array.from({ length: warmups + samples }, (_, at) => {
    const first = at % Math.max(1, arms.length)
    return [...arms.slice(first), ...arms.slice(0, first)].map((arm) => ({ arm, round: at - warmups }))
  }).flat()
}

/**
 * Estimate of the time left: each turn still to come takes what its arm took so far on average, an arm not seen yet what
 * all others took. Undefined before anything was measured.
 */
export function timeLeft(
  turns: readonly Turn[],
  taken: readonly { readonly arm: string; readonly ms: number }[],
): number | undefined {
  if (taken.length === 0) return undefined
  const average = (times: readonly { readonly ms: number }[]) =>
    times.reduce((sum, { ms }) => sum + ms, 0) / times.length
  return turns.slice(taken.length).reduce((left, { arm }) => {
    const own = taken.filter((one) => one.arm === arm)
    return left + average(own.length > 0 ? own : taken)
  }, 0)
}
