/** `headstart optimize`: rebuild an image as eStargz, startup files first. */
import { type Command, Option } from 'commander'
import type { Image, ImageTarget } from '../../image/types.ts'
import { DEFAULT_OPTIONS, type OptimizeOptions } from '../../optimizer/options.ts'
import { type RebuildProgress, type RebuildSummary, rebuildImage } from '../../optimizer/rebuild.ts'
import { mergeTraces } from '../../tracer/trace/merge.ts'
import type { Trace } from '../../tracer/trace.ts'
import type { CliContext } from '../context.ts'
import {
  bandwidthFlag,
  collect,
  countFlag,
  jsonOption,
  latencyFlag,
  positiveFlag,
  shareFlag,
  sizeFlag,
} from '../flags.ts'
import { addImageFlags, sourceOf, targetOf } from '../image-flags.ts'
import { explanation, optimizeSummary, summaryJson } from '../optimize-summary.ts'
import { bytes, type Output, thousands } from '../output.ts'
import { addProfileFlags, type ProfileFlags, profile } from '../profiling.ts'
import { type GivenTrace, readGiven, traceOf } from '../read-trace.ts'
import { isTraceOf, startupOf } from '../startup.ts'
import { traceSummary } from '../trace-summary.ts'

interface Flags extends ProfileFlags {
  readonly trace?: string[]
  readonly minRuns: number
  readonly force: boolean
  readonly explain: boolean
  readonly json: boolean
  readonly chunkSize: number
  readonly minChunkSize: number
  readonly compressionLevel: number
  readonly prioritize: OptimizeOptions['prioritize']
  readonly bandwidth: number
  readonly latency: number
  readonly maxZone?: number
  readonly include?: string[]
  readonly exclude?: string[]
  readonly onlyLayers?: number[]
  readonly minCoverage: number
  readonly threads?: number
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
    .option('-f, --force', 'replace what the target names', false)
    .option('--explain', 'say of each file of the start where it went, and why', false)
    .addOption(jsonOption())
    .action((reference: string, to: string, args: string[], flags: Flags) =>
      optimize(reference, to, args, flags, context),
    )
  addImageFlags(addProfileFlags(addPlanFlags(addFormatFlags(command))))
}

function addPlanFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('What goes ahead:')
  const { network, prioritize, minCoverage } = DEFAULT_OPTIONS
  return command
    .addOption(
      option('--prioritize <which>', 'worth: what costs less there than on demand; all: all that was read')
        .choices(['worth', 'all'])
        .default(prioritize),
    )
    .addOption(
      option('--bandwidth <rate>', 'of the link, for that decision')
        .argParser(bandwidthFlag)
        .default(network.mbitPerSecond, `${network.mbitPerSecond}Mbit`),
    )
    .addOption(
      option('--latency <time>', 'of a request on the link')
        .argParser(latencyFlag)
        .default(network.latencyMs, `${network.latencyMs}ms`),
    )
    .addOption(option('--max-zone <bytes>', 'compressed bytes at most, all layers').argParser(sizeFlag))
    .addOption(option('--include <glob>', 'always ahead, read or not').argParser(collect))
    .addOption(option('--exclude <glob>', 'never ahead').argParser(collect))
    .addOption(
      option('--min-coverage <share>', "fail when fewer of the trace's files are in the image")
        .argParser(shareFlag)
        .default(minCoverage, '0%'),
    )
}

function addFormatFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('Format:')
  const { chunkSize, minChunkSize, level } = DEFAULT_OPTIONS
  return command
    .addOption(
      option('--chunk-size <bytes>', 'of a file, compressed and fetched at once')
        .argParser(sizeFlag)
        .default(chunkSize, '4MiB'),
    )
    .addOption(
      option(
        '--min-chunk-size <bytes>',
        'pack small files together up to this (needs stargz-snapshotter 0.13)',
      )
        .argParser(sizeFlag)
        .default(minChunkSize, '0'),
    )
    .addOption(option('--compression-level <level>', '1 to 12').argParser(positiveFlag).default(level))
    .addOption(
      option(
        '--only-layers <list>',
        'work on these, counted from 1 at the base; others stay as they are',
      ).argParser((text) => text.split(',').map((item) => positiveFlag(item.trim()) - 1)),
    )
    .addOption(option('--threads <count>', 'to compress with; the result is the same').argParser(countFlag))
}

const optionsOf = (flags: Flags): OptimizeOptions => ({
  chunkSize: flags.chunkSize,
  minChunkSize: flags.minChunkSize,
  level: flags.compressionLevel,
  prioritize: flags.prioritize,
  network: { mbitPerSecond: flags.bandwidth, latencyMs: flags.latency },
  maxZone: flags.maxZone,
  include: flags.include ?? [],
  exclude: flags.exclude ?? [],
  onlyLayers: flags.onlyLayers,
  minCoverage: flags.minCoverage,
  threads: flags.threads,
})

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
  await using source = await sourceOf(reference, flags, context, output)
  const image = await source.image(flags.platform)
  await using target = await targetOf(to, flags, context, output)
  await target.prepare({ force: flags.force })
  const trace = given
    ? await join(given, image, context, output)
    : await record(image, args, flags, context, output)
  const summary = await rebuild(image, target, trace, flags, context, output)
  if (flags.explain) output.result(explanation(summary.plan))
  output.result(flags.json ? summaryJson(summary) : optimizeSummary(summary, target.name))
}

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

async function rebuild(
  image: Image,
  target: ImageTarget,
  trace: Trace,
  flags: Flags,
  context: CliContext,
  output: Output,
): Promise<RebuildSummary> {
  const startup = startupOf(trace, flags.minRuns)
  const summary = await rebuildImage({
    image,
    target,
    startup,
    options: optionsOf(flags),
    signal: context.interrupts.abort,
    onProgress: drawLayers(output),
  })
  output.done()
  if (!isTraceOf(trace, image))
    output.warn(
      `the trace is of another image: ${thousands(startup.length - summary.plan.missing.length)} of its ${thousands(startup.length)} files are in this one`,
    )
  return summary
}

/** One live line: what each layer under way is doing. */
function drawLayers(output: Output): (progress: RebuildProgress) => void {
  const underWay = new Map<number, RebuildProgress>()
  return (progress) => {
    if (progress.stage === 'done') underWay.delete(progress.layer)
    else underWay.set(progress.layer, progress)
    output.live(() =>
      [...underWay.values()]
        .map(
          ({ layer, layers, stage, bytes: count }) => `layer ${layer + 1}/${layers} ${stage} ${bytes(count)}`,
        )
        .join('   '),
    )
  }
}
