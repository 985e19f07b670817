/** One clock for all that is timed in one place and compared in another: ms since 1970, with fractions. */
import { monotonicMs } from '../../tracer/mount/recording.ts'

export const epochMs = (): number => performance.timeOrigin + performance.now()

/** From the tracer's monotonic clock. */
export const epochOf = (monotonic: number): number => epochMs() - (monotonicMs() - monotonic)
