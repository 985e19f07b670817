/** What `optimize` knows of the image's start: traces that were given or one recorded now, corrected by a measurement. */
import type { Image } from '../image/types.ts'
import type { StartupFile } from '../optimizer/plan/startup.ts'
import { type BenchAudit, readBench } from '../report/bench/file.ts'
import { refineStartup } from '../report/bench/refine.ts'
import { HeadstartError } from '../system/errors.ts'
import type { Trace } from '../tracer/trace/file.ts'
import { mergeTraces } from '../tracer/trace/merge.ts'
import type { CliContext } from './context.ts'
import type { OptimizeRequest } from './flags/optimize.ts'
import { type Output, thousands } from './print/output.ts'
import { traceSummary } from './print/trace-summary.ts'
import { profile } from './profiling.ts'
import { type GivenTrace, readGiven, traceOf } from './read-trace.ts'
import { startupOf } from './startup.ts'

export interface Start {
  readonly trace: Trace
  readonly startup: readonly StartupFile[]
}

/** The files that were given, read before any image is: a file that can't be read must not wait for that. */
interface StartFiles {
  readonly traces?: readonly GivenTrace[]
  readonly audit?: BenchAudit
}

export async function readStartFiles({ traces, refine }: OptimizeRequest['start']): Promise<StartFiles> {
  return {
    ...(traces && { traces: await Promise.all(traces.map(readGiven)) }),
    ...(refine !== undefined && { audit: await readAudit(refine) }),
  }
}

/** @param files of this request */
export async function startOf(
  image: Image,
  { record, minRuns, files: { traces, audit } }: OptimizeRequest['start'] & { readonly files: StartFiles },
  context: CliContext,
  output: Output,
): Promise<Start> {
  const trace = traces
    ? await join(traces, image, context, output)
    : (await profile({ image, ...record }, context, output)).trace
  if (!traces) output.note(traceSummary(trace))
  const startup = startupOf(trace, minRuns)
  return { trace, startup: audit ? refineStartup(startup, audit) : startup }
}

async function readAudit(file: string): Promise<BenchAudit> {
  const { audit } = await readBench(file)
  if (audit) return audit
  throw new HeadstartError('E_BENCH', `${file} contains no audit`, {
    hint: 'Measure with: headstart bench --audit',
  })
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
