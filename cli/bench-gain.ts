/** What was gained, in a sentence: the last line of `bench`. Pure. */
import type { Bench } from '../report/bench/file.ts'
import { summarize } from '../report/bench/summary.ts'
import { duration } from './output.ts'

/** Undefined where one of the two arms was not measured. */
export function gainOf(bench: Bench): string | undefined {
  const arms = summarize(bench)
  const legacy = arms.find(({ arm }) => arm.kind === 'legacy')
  const optimized = arms.find(({ arm }) => arm.kind === 'optimized')
  if (!legacy || !optimized) return undefined
  const ratio = legacy.total.median / optimized.total.median
  const figures = `${duration(legacy.total.median)} to ${duration(optimized.total.median)}`
  if (optimized.against?.verdict === 'none') return `No significant difference in the start: ${figures}.`
  return ratio >= 1
    ? `The start became ${ratio.toFixed(1)} times faster: from ${figures}.`
    : `The start became ${(1 / ratio).toFixed(1)} times slower: from ${figures}.`
}
