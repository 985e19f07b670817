/** How long the remaining samples will take: as long as those before, and at first a guess. Pure. */
import { type Arm, type GivenImages, imageOf } from './arms.ts'
import type { BenchLink } from './file.ts'

/** A sample that was taken, or will be. */
export interface Timed {
  /** its id */
  readonly arm: string
  readonly guessMs: number
}

/** @returns ms; an arm without a sample takes what it is guessed to, times how far off the guesses of the others were */
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

/** A container's start and what is made and removed around it, on an ordinary machine. */
const START_MS = 3000
/** What a lazy start fetches of an image, roughly. */
const LAZY_SHARE = 0.25

/** @returns ms that a sample may take; without a shaped link the network's speed is not known, and not counted */
export function guessMs(arm: Pick<Arm, 'kind' | 'image'>, images: GivenImages, link: BenchLink): number {
  const bytes = imageOf(images, arm.image).manifest.layers.reduce((sum, { size }) => sum + size, 0)
  const fetched = arm.kind === 'legacy' ? bytes : bytes * LAZY_SHARE
  return START_MS + (link.bitsPerSecond === null ? 0 : (fetched * 8000) / link.bitsPerSecond)
}
