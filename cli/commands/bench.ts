/** `headstart bench`: measures pull and start: the whole image, lazily, and lazily with the zone. */
import type { Command } from 'commander'
import type { Image } from '../../image/types.ts'
import type { GivenImages, NamedImage } from '../../report/bench/arms.ts'
import { baselineDoubts, type Check, checkLimits } from '../../report/bench/budget.ts'
import { type Bench, writeBench } from '../../report/bench/file.ts'
import { formats } from '../../report/bench/formats/index.ts'
import { runBench } from '../../report/bench/run.ts'
import { ensureWritable } from '../../system/atomic-file.ts'
import { HeadstartError } from '../../system/errors.ts'
import { requireRoot } from '../../tracer/mount/mount.ts'
import type { CliContext } from '../context.ts'
import { addBenchFlags, type BenchFlags, type BenchOrder, benchOrder } from '../flags/bench.ts'
import { sourceOf } from '../flags/image.ts'
import { readyCheck } from '../flags/ready.ts'
import { addToJobSummary } from '../job-summary.ts'
import { auditText, gainLines } from '../print/bench-gain.ts'
import { drawBench } from '../print/bench-progress.ts'
import { commandLine } from '../print/command-line.ts'
import type { Output } from '../print/output.ts'

export function register(command: Command, context: CliContext): void {
  addBenchFlags(command).action(
    async (original: string, optimized: string, args: string[], flags: BenchFlags) => {
      requireRoot()
      await bench(await benchOrder(original, optimized, args, flags), context)
    },
  )
}

async function bench(order: BenchOrder, context: CliContext): Promise<void> {
  const output = context.output()
  // First: a file that can't be written must not wait for the images.
  await ensureWritable(order.output)
  await using stack = new AsyncDisposableStack()
  const open = async (reference: string): Promise<Image> =>
    stack.use(await sourceOf(reference, order.access, context, output)).image(order.access.platform)
  const images = await openImages(order.images, open)
  const ready = readyCheck(order.ready, images.original.config.process.healthcheck)
  using progress = drawBench(output)
  const measured = await runBench({
    ...order.measure,
    images,
    start: { ...order.start, ready },
    made: { tool: `headstart ${context.version}`, command: commandLine(process.argv.slice(2)) },
    signal: context.interrupts.abort,
    onProgress: progress.tell,
    onSample: (soFar) => writeBench(order.output, soFar),
  })
  progress[Symbol.dispose]()
  await writeBench(order.output, measured)
  output.done()
  await conclude(measured, order, output)
  context.interrupts.abort.throwIfAborted()
}

async function openImages(
  { original, optimized, others }: BenchOrder['images'],
  open: (reference: string) => Promise<Image>,
): Promise<GivenImages> {
  const given = { original: await open(original), optimized: await open(optimized) }
  const opened: NamedImage[] = []
  for (const { name, reference } of others) opened.push({ name, image: await open(reference) })
  return { ...given, others: opened }
}

const incomplete = ({ samples, arms }: Bench, { rounds }: BenchOrder['measure']): string =>
  `incomplete: ${samples.length} of ${arms.length * rounds.samples} samples were taken before it was interrupted`

const FIRST_LOOK = 'a first look: without --quick there are enough samples to rely on'

/** @throws HeadstartError E_EXCEEDED */
async function conclude(
  measured: Bench,
  { limits, format, output: file, measure, quick }: BenchOrder,
  output: Output,
): Promise<void> {
  const checks: readonly Check[] = checkLimits(measured, limits)
  if (measured.interrupted) output.warn(incomplete(measured, measure))
  if (limits.baseline) for (const doubt of baselineDoubts(measured, limits.baseline)) output.warn(doubt)
  output.note(`written to ${file}`)
  // Each format keeps what it is given on its own lines.
  output.result(formats[format](measured, checks).trimEnd().split('\n'))
  await addToJobSummary(formats.markdown(measured, checks), output)
  if (measured.audit) output.note(auditText(measured.audit))
  if (format === 'text') output.result(gainLines(measured))
  if (quick) output.note(FIRST_LOOK)
  const exceeded = checks.filter(({ ok }) => !ok).length
  if (exceeded > 0 && !measured.interrupted)
    throw new HeadstartError('E_EXCEEDED', `${exceeded} of ${checks.length} limits are exceeded`)
}
