/** How often a property is tried, and how long it may take. */

const FACTOR = Number(process.env.HEADSTART_CASES ?? 1)
/** The same cases every time, so that a red run is due to the change at hand. */
const SEED = process.env.HEADSTART_SEED ?? '1'
/** Of a test that tries a property, in milliseconds. */
export const PATIENCE_MS = 600_000 * Math.max(1, FACTOR)

/** How often something is tried whose cases are not generated; HEADSTART_CASES multiplies it, too. */
export const times = (count: number): number => Math.ceil(count * FACTOR) // a fraction never ends

/**
 * How many cases a property is tried on; HEADSTART_CASES=10 takes ten times as many, HEADSTART_SEED=random others. A failure prints its seed:
 * HEADSTART_SEED=… has the same again. Shrinking ends before the test's patience does: else the case that failed would never be told.
 */
export const cases = (count: number) => ({
  numRuns: times(count),
  interruptAfterTimeLimit: 0.8 * PATIENCE_MS,
  markInterruptAsFailure: true,
  ...(SEED !== 'random' && { seed: Number(SEED) }),
})
