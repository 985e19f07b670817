/** What a measurement shows, worked out once: everything that is printed about it. Pure. */
import { baselineDoubts, type Check, checkLimits, type Limits } from './budget.ts'
import type { Bench } from './file.ts'
import { type ArmSummary, summarize } from './summary.ts'
import { judge, type Verdict } from './verdict.ts'

export interface Conclusion {
  readonly bench: Bench
  readonly arms: readonly ArmSummary[]
  readonly verdict: Verdict
  readonly checks: readonly Check[]
  /** why it can't be compared with its baseline */
  readonly doubts: readonly string[]
}

const NO_LIMITS: Limits = { budget: [], maxRegression: 0 }

export function conclude(bench: Bench, limits = NO_LIMITS): Conclusion {
  const arms = summarize(bench)
  return {
    bench,
    arms,
    verdict: judge(arms),
    checks: checkLimits(arms, limits),
    doubts: limits.baseline ? baselineDoubts(bench, limits.baseline) : [],
  }
}
