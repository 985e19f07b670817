/** Clocks. Durations and deadlines use the monotonic clock, which is never set back; points in time to be compared with others' use the epoch. */

/** Milliseconds of CLOCK_MONOTONIC, with fractions: the same clock in every process and thread of this machine. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** Milliseconds since 1970, with fractions; steady within a process. */
export const epochMs = (): number => performance.timeOrigin + performance.now()

/** A moment of the monotonic clock, in milliseconds since 1970. */
export const epochOf = (monotonic: number): number => epochMs() - (monotonicMs() - monotonic)
