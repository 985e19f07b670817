/** What `optimize` knows of the image's start: traces that were given or one recorded now, corrected by a measurement. */
import type { Image } from '../image/types.ts'
import type { StartupFile } from '../optimizer/plan/startup.ts'
import { refineStartup } from '../report/bench/refine.ts'
import type { Trace } from '../tracer/trace/file.ts'
import { mergeTraces } from '../tracer/trace/merge.ts'
import type { CliContext } from './context.ts'
import type { StartRequest } from './flags/optimize.ts'
import { type Output, thousands } from './print/output.ts'
import { traceSummary } from './print/trace-summary.ts'
import { profile } from './profiling.ts'
import { type GivenTrace, traceOf } from './read-trace.ts'
import { startupOf } from './startup.ts'

export interface Start {
  /** undefined: none was given, and none was worth recording */
  readonly trace: Trace | undefined
  readonly startup: readonly StartupFile[]
}

export async function startOf(
  image: Image,
  { from, minRuns, audit }: StartRequest,
  context: CliContext,
  output: Output,
): Promise<Start> {
  if (from === undefined) return { trace: undefined, startup: [] }
  const trace =
    'traces' in from
      ? await join(from.traces, image, context, output)
      : (await profile({ image, ...from.record }, context, output)).trace
  if ('record' in from) output.note(traceSummary(trace))
  const startup = startupOf(trace, minRuns)
  return { trace, startup: audit ? refineStartup(startup, audit) : startup }
}

/** Several starts become one: what any touched, in the most common order. */
async function join(
  given: readonly GivenTrace[],
  image: Image,
  context: CliContext,
  output: Output,
): Promise<Trace> {
  const tool = `headstart ${context.version}`
  const traces: Trace[] = []
  for (const one of given) {
    const { trace, missing } = await traceOf(one, image, tool, context.interrupts.abort)
    if (missing.length > 0)
      output.warn(`${thousands(missing.length)} files of the record are not in the image`)
    traces.push(trace)
  }
  return mergeTraces(traces)
}
