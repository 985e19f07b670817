/** `headstart bench`: measures pull and start: the whole image, lazily, and lazily with the zone. */
import type { Command } from 'commander'
import type { Image } from '../../image/types.ts'
import type { GivenImages } from '../../report/bench/arms.ts'
import { baselineDoubts, type Check, checkLimits, type Limits } from '../../report/bench/budget.ts'
import { type Bench, writeBench } from '../../report/bench/file.ts'
import { formats } from '../../report/bench/formats/index.ts'
import { type BenchProgress, type BenchRequest, runBench } from '../../report/bench/run.ts'
import { ensureWritable } from '../../system/atomic-file.ts'
import { HeadstartError } from '../../system/errors.ts'
import { requireRoot } from '../../tracer/mount/mount.ts'
import type { CliContext } from '../context.ts'
import { addBenchFlags, type BenchFlags, limitsOf, linkOf, runtimeOf } from '../flags/bench.ts'
import { addImageFlags, type ImageFlags, sourceOf } from '../flags/image.ts'
import { addReadyFlags, type ReadyFlags, readyCheck } from '../flags/ready.ts'
import { addRunFlags, type ContainerFlags, runOptions } from '../flags/run.ts'
import { addToJobSummary } from '../job-summary.ts'
import { auditText, gainLines } from '../print/bench-gain.ts'
import { commandLine } from '../print/command-line.ts'
import { duration, type Output } from '../print/output.ts'

type Flags = BenchFlags & ImageFlags & ReadyFlags & ContainerFlags

/** The command line. */
interface Given {
  readonly original: string
  readonly optimized: string
  /** of the container */
  readonly command: readonly string[]
  readonly flags: Flags
}

export function register(command: Command, context: CliContext): void {
  command
    .argument('<original>', 'the original image')
    .argument('<optimized>', 'the image that headstart optimize made from it')
    .argument('[command...]', "after --: replaces the image's command")
    .action((original: string, optimized: string, args: string[], flags: Flags) =>
      bench({ original, optimized, command: args, flags }, context),
    )
  addImageFlags(addRunFlags(addReadyFlags(addBenchFlags(command))))
}

async function bench(given: Given, context: CliContext): Promise<void> {
  const output = context.output()
  const { flags } = given
  requireRoot()
  // First: a file that can't be written, or a baseline that can't be read, must not wait for the images.
  await ensureWritable(flags.output)
  const limits = await limitsOf(flags)
  await using stack = new AsyncDisposableStack()
  const open = async (reference: string): Promise<Image> =>
    stack.use(await sourceOf(reference, flags, context, output)).image(flags.platform)
  const images = await openImages(given, open)
  const measured = await runBench({
    ...(await requestOf(given, images)),
    made: { tool: `headstart ${context.version}`, command: commandLine(process.argv.slice(2)) },
    signal: context.interrupts.abort,
    onProgress: (progress) => draw(progress, output),
    onSample: (soFar) => writeBench(flags.output, soFar),
  })
  await writeBench(flags.output, measured)
  output.done()
  await conclude(measured, limits, flags, output)
}

async function openImages(
  { original, optimized, flags }: Given,
  open: (reference: string) => Promise<Image>,
): Promise<GivenImages> {
  const images = { original: await open(original), optimized: await open(optimized) }
  const others: GivenImages['others'][number][] = []
  for (const text of flags.image ?? []) {
    const [, name, reference] = /^([^=]+)=(.+)$/s.exec(text) ?? []
    if (name === undefined || reference === undefined)
      throw new HeadstartError('E_USAGE', `--image ${text} does not have the form NAME=IMAGE`)
    others.push({ name, image: await open(reference) })
  }
  return { ...images, others }
}

/** All that the flags say about the measurement, in the report's terms. */
async function requestOf(
  { command, flags }: Given,
  images: GivenImages,
): Promise<Omit<BenchRequest, 'made'>> {
  return {
    images,
    ...(flags.arms && { arms: flags.arms }),
    link: linkOf(flags),
    registry: { insecure: flags.insecure, ...(flags.caFile !== undefined && { caFile: flags.caFile }) },
    runtime: runtimeOf(flags),
    start: {
      command,
      run: await runOptions(flags),
      ready: readyCheck(flags, images.original.config.process.healthcheck),
      timeoutMs: flags.timeout,
      engine: flags.engine ?? 'runc',
    },
    rounds: { samples: flags.samples, warmups: flags.warmups },
    ...(flags.watch !== undefined && { watchMs: flags.watch }),
    audit: flags.audit,
  }
}

function draw({ doing, turn }: BenchProgress, output: Output): void {
  if (!turn) {
    output.note(doing)
    return
  }
  const left = turn.leftMs === undefined ? '' : `, ${duration(turn.leftMs)} left`
  output.live(() => `${doing} (${turn.done + 1} of ${turn.total}${left})`)
}

/** @throws HeadstartError E_EXCEEDED */
async function conclude(measured: Bench, limits: Limits, flags: Flags, output: Output): Promise<void> {
  const checks: readonly Check[] = checkLimits(measured, limits)
  if (measured.interrupted) output.warn('interrupted: the samples taken so far were saved')
  if (limits.baseline) for (const doubt of baselineDoubts(measured, limits.baseline)) output.warn(doubt)
  output.note(`written to ${flags.output}`)
  // Each format keeps what it is given on its own lines.
  output.result(formats[flags.format](measured, checks).trimEnd().split('\n'))
  await addToJobSummary(formats.markdown(measured, checks), output)
  if (measured.audit) output.note(auditText(measured.audit))
  if (flags.format === 'text') output.result(gainLines(measured))
  const exceeded = checks.filter(({ ok }) => !ok).length
  if (exceeded > 0)
    throw new HeadstartError('E_EXCEEDED', `${exceeded} of ${checks.length} limits are exceeded`)
}
