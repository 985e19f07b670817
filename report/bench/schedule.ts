/** The order in which samples are taken, what must be known about each arm, and how long the remaining ones will take. Pure. */
import type { ArmKind } from './file.ts'
import type { RuntimeName } from './runtime/types.ts'

export interface Rounds {
  /** of each arm */
  readonly samples: number
  /** of each arm, discarded */
  readonly warmups: number
}

export interface ScheduleRequest {
  readonly rounds: Rounds
  /** ms to record requests after ready; without: once an arm, if its runtime fetches in the background */
  readonly watchMs?: number
}

/** What must be known about an arm to schedule it. */
export interface Scheduled {
  readonly id: string
  readonly kind: ArmKind
  readonly runtime: { readonly name: RuntimeName }
  /** what a sample may take */
  readonly guessMs: number
}

export interface Turn<T> {
  readonly target: T
  /** warm-ups: -warmups to -1, then samples from 0 */
  readonly round: number
  /** for people */
  readonly label: string
  /** how long to record requests after ready */
  readonly watchMs: number
}

/**
 * Every round measures every arm once, so that a machine that becomes slower or faster does so for all of them. Each round begins with the
 * next arm, so that none always runs after the same one. Warm-up rounds come first.
 */
export function schedule<T extends Scheduled>(arms: readonly T[], request: ScheduleRequest): Turn<T>[] {
  const { samples, warmups } = request.rounds
  return Array.from({ length: warmups + samples }, (_, at) => {
    const first = at % Math.max(1, arms.length)
    return [...arms.slice(first), ...arms.slice(0, first)].map((arm) => turnOf(arm, at - warmups, request))
  }).flat()
}

const turnOf = <T extends Scheduled>(target: T, round: number, request: ScheduleRequest): Turn<T> => ({
  target,
  round,
  label: round < 0 ? `${target.id}, to warm up` : target.id,
  watchMs: request.watchMs ?? backgroundMs(target, round === request.rounds.samples - 1),
})

/** A snapshotter begins after 5 seconds without requests. */
const BACKGROUND_MS = 10_000

/** The last sample of an arm is enough: watching all of them would take longer than measuring. */
function backgroundMs({ kind, runtime }: Scheduled, isLast: boolean): number {
  const hasBackground = ['containerd', 'run'].includes(runtime.name) && kind !== 'legacy'
  return hasBackground && isLast ? BACKGROUND_MS : 0
}

/** A turn that was taken. */
export interface Taken {
  /** its id */
  readonly arm: string
  readonly ms: number
}

export interface TurnsProgress {
  readonly done: number
  readonly total: number
  /** a guess, before anything was measured */
  readonly leftMs: number
}

/** @param taken the first of the turns */
export function turnsProgress(turns: readonly Turn<Scheduled>[], taken: readonly Taken[]): TurnsProgress {
  const timed = turns.map(({ target: { id, guessMs } }) => ({ arm: id, guessMs }))
  const done = timed.slice(0, taken.length).map((turn, at) => ({ ...turn, ms: taken[at]?.ms ?? 0 }))
  return { done: taken.length, total: turns.length, leftMs: timeLeft(timed.slice(taken.length), done) }
}

/** A sample that was taken, or will be. */
interface Timed {
  /** its id */
  readonly arm: string
  readonly guessMs: number
}

/**
 * As long as those before, and at first a guess.
 * @returns ms; an arm without a sample takes what it is guessed to, times how far off the guesses of the others were
 */
export function timeLeft(
  left: readonly Timed[],
  taken: readonly (Timed & { readonly ms: number })[],
): number {
  const sum = (times: readonly number[]) => times.reduce((all, ms) => all + ms, 0)
  const guessed = sum(taken.map(({ guessMs }) => guessMs))
  const factor = guessed > 0 ? sum(taken.map(({ ms }) => ms)) / guessed : 1
  return sum(
    left.map(({ arm, guessMs }) => {
      const own = taken.filter((one) => one.arm === arm).map(({ ms }) => ms)
      return own.length > 0 ? sum(own) / own.length : guessMs * factor
    }),
  )
}
