/** `headstart optimize`: rebuild an image as eStargz, startup files first. */
import type { Command } from 'commander'
import type { Image, ImageSource, ImageTarget } from '../../image/types.ts'
import type { StartupFile } from '../../optimizer/plan/startup.ts'
import { rebuildImage } from '../../optimizer/rebuild/image.ts'
import { type RebuiltImage, rebuildIndex } from '../../optimizer/rebuild/image-index.ts'
import { type BenchAudit, readBench } from '../../report/bench/file.ts'
import { refineStartup } from '../../report/bench/refine.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { Trace } from '../../tracer/trace/file.ts'
import { mergeTraces } from '../../tracer/trace/merge.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, sourceOf, targetOf } from '../flags/image.ts'
import { addRebuildFlags, optionsOf, type RebuildFlags } from '../flags/rebuild.ts'
import { collect, jsonOption, positiveFlag } from '../flags/values.ts'
import { tellWhatStays } from '../print/left-behind.ts'
import { explanation, optimizeSummary, summaryJson } from '../print/optimize-summary.ts'
import { type Output, thousands } from '../print/output.ts'
import { traceSummary } from '../print/trace-summary.ts'
import { drawLayers } from '../print/transfers.ts'
import { addProfileFlags, type ProfileFlags, profile } from '../profiling.ts'
import { type GivenTrace, readGiven, traceOf } from '../read-trace.ts'
import { isTraceOf, startupOf } from '../startup.ts'

interface Flags extends ProfileFlags, RebuildFlags {
  readonly trace?: string[]
  readonly minRuns: number
  readonly refine?: string
  readonly allPlatforms: boolean
  readonly force: boolean
  readonly explain: boolean
  readonly json: boolean
}

export function register(command: Command, context: CliContext): void {
  command
    .argument('<image>', 'the image')
    .argument('<target>', 'where the new one goes: a registry, oci:FOLDER[:TAG], or an archive')
    .argument('[command...]', "after --, instead of the image's command, where there is no trace")
    .option(
      '--trace <file>',
      "of headstart profile, or ctr-remote's record file; without one the start is recorded first (repeatable)",
      collect,
    )
    .option('--min-runs <count>', 'take only what so many of the recorded starts touched', positiveFlag, 1)
    .option('--refine <file>', 'a measurement of headstart bench --audit: corrects what goes ahead')
    .option('--all-platforms', 'rebuild every image of an index; the others are matched by path', false)
    .option('-f, --force', 'replace what the target names', false)
    .option('--explain', 'say of each file of the start where it went, and why', false)
    .addOption(jsonOption())
    .action((reference: string, to: string, args: string[], flags: Flags) =>
      optimize(reference, to, args, flags, context),
    )
  addImageFlags(addProfileFlags(addRebuildFlags(command)))
}

async function optimize(
  reference: string,
  to: string,
  args: readonly string[],
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const output = context.output(flags.json)
  // Read first: a trace that can't be read must not wait for an image that is large.
  const given = flags.trace ? await Promise.all(flags.trace.map(readGiven)) : undefined
  const audit = flags.refine === undefined ? undefined : await readAudit(flags.refine)
  await using source = await sourceOf(reference, flags, context, output)
  const image = await source.image(flags.platform)
  await using target = await targetOf(to, flags, context, output)
  await target.prepare({ force: flags.force })
  const trace = given
    ? await join(given, image, context, output)
    : await record(image, args, flags, context, output)
  const start = { trace, startup: refine(startupOf(trace, flags.minRuns), audit) }
  if (!flags.allPlatforms) await tellWhatStays(source, image, '--all-platforms', output)
  const rebuilt = flags.allPlatforms
    ? await rebuildAll(source, image, target, start, flags, context, output)
    : await rebuildOne(image, target, start, flags, context, output)
  output.done()
  for (const each of rebuilt) print(each, start, target.name, flags, output)
}

interface Start {
  readonly trace: Trace
  readonly startup: readonly StartupFile[]
}

/** `platform` is named where there are several. */
type Rebuilt = Pick<RebuiltImage, 'image' | 'summary'> & { readonly platform?: string }

function print(
  { image, summary, platform }: Rebuilt,
  { trace, startup }: Start,
  target: string,
  flags: Flags,
  output: Output,
): void {
  const files = thousands(startup.length)
  const found = thousands(startup.length - summary.plan.missing.length)
  if (platform !== undefined) output.note(`${platform}: ${found} of the trace's ${files} files are in it`)
  else if (!isTraceOf(trace, image))
    output.warn(`the trace is of another image: ${found} of its ${files} files are in this one`)
  for (const note of summary.notes) output.warn(platform === undefined ? note : `${platform}: ${note}`)
  if (flags.explain && !flags.json) output.result(explanation(summary.plan))
  output.result(flags.json ? summaryJson(summary, platform) : optimizeSummary(summary, target))
}

async function readAudit(file: string): Promise<BenchAudit> {
  const { audit } = await readBench(file)
  if (audit) return audit
  throw new HeadstartError('E_BENCH', `${file} holds no audit`, {
    hint: 'Measure with: headstart bench --audit',
  })
}

const refine = (startup: readonly StartupFile[], audit: BenchAudit | undefined): readonly StartupFile[] =>
  audit ? refineStartup(startup, audit) : startup

/** Several starts become one: what any touched, in the order it mostly came. */
async function join(
  given: readonly GivenTrace[],
  image: Image,
  context: CliContext,
  output: Output,
): Promise<Trace> {
  const traces: Trace[] = []
  for (const one of given) {
    const { trace, missing } = await traceOf(
      one,
      image,
      `headstart ${context.version}`,
      context.interrupts.abort,
    )
    if (missing.length > 0)
      output.warn(`${thousands(missing.length)} files of the record are not in the image`)
    traces.push(trace)
  }
  return mergeTraces(traces)
}

async function record(
  image: Image,
  args: readonly string[],
  flags: Flags,
  context: CliContext,
  output: Output,
): Promise<Trace> {
  const { trace } = await profile(image, args, flags, context, output)
  output.note(traceSummary(trace))
  return trace
}

async function rebuildOne(
  image: Image,
  target: ImageTarget,
  { startup }: Start,
  flags: Flags,
  context: CliContext,
  output: Output,
): Promise<Rebuilt[]> {
  const request = { image, target, startup, options: optionsOf(flags), signal: context.interrupts.abort }
  return [{ image, summary: await rebuildImage({ ...request, onProgress: drawLayers(output) }) }]
}

async function rebuildAll(
  source: ImageSource,
  profiled: Image,
  target: ImageTarget,
  { startup }: Start,
  flags: Flags,
  context: CliContext,
  output: Output,
): Promise<readonly Rebuilt[]> {
  const index = await source.index()
  if (!index)
    throw new HeadstartError('E_USAGE', `${source.name} is one image, not an index of several`, {
      hint: 'Leave out --all-platforms',
    })
  const { images, notes } = await rebuildIndex({
    source,
    index,
    target,
    startup,
    profiled: profiled.descriptor.digest,
    options: optionsOf(flags),
    signal: context.interrupts.abort,
    onProgress: drawLayers(output),
  })
  for (const note of notes) output.warn(note)
  return images
}
