/** `headstart bench`: measures pull and start: the whole image, lazily, and lazily with the zone. */
import type { Command } from 'commander'
import type { Image } from '../../image/types.ts'
import type { GivenImages, NamedImage } from '../../report/bench/arms.ts'
import type { Check } from '../../report/bench/budget.ts'
import { conclude } from '../../report/bench/conclusion.ts'
import { writeBench } from '../../report/bench/file.ts'
import { runBench } from '../../report/bench/run.ts'
import { HeadstartError } from '../../system/errors.ts'
import { ensureWritable } from '../../system/files/atomic-file.ts'
import { requireRoot } from '../../tracer/mount/mount.ts'
import type { CliContext } from '../context.ts'
import {
  addBenchFlags,
  type BenchFlags,
  type BenchOrder,
  benchOrder,
  type GivenReferences,
  givenReferences,
} from '../flags/bench.ts'
import { sourceOf } from '../flags/image.ts'
import { readyCheck } from '../flags/ready.ts'
import { printConclusion } from '../print/bench-conclusion.ts'
import { drawBench } from '../print/bench-progress.ts'
import { commandLine } from '../print/command-line.ts'

export function register(command: Command, context: CliContext): void {
  addBenchFlags(command).action(
    async (original: string, optimized: string, args: string[], flags: BenchFlags) => {
      requireRoot()
      const references = givenReferences(original, optimized, flags)
      await bench(references, await benchOrder(args, flags), context)
    },
  )
}

async function bench(references: GivenReferences, order: BenchOrder, context: CliContext): Promise<void> {
  const output = context.output()
  // First: a file that can't be written must not wait for the images.
  await ensureWritable(order.output)
  await using stack = new AsyncDisposableStack()
  const open = async (reference: string): Promise<Image> =>
    stack.use(await sourceOf(reference, order.access, context, output)).image(order.access.platform)
  const images = await openImages(references, open)
  const ready = readyCheck(order.ready, images.original.config.process.healthcheck)
  if (ready.by === 'period' && order.ready.period === undefined) output.warn(NO_CHECK)
  using progress = drawBench(output)
  const measured = await runBench(images, {
    ...order.measure,
    start: { ...order.start, ready },
    made: { tool: `headstart ${context.version}`, command: commandLine(process.argv.slice(2)) },
    headstart: context.headstart,
    signal: context.interrupts.abort,
    onProgress: progress.tell,
    onSample: (soFar) => writeBench(order.output, soFar),
  })
  progress[Symbol.dispose]()
  await writeBench(order.output, measured)
  output.done()
  const conclusion = conclude(measured, order.limits)
  await printConclusion(conclusion, order, output)
  if (!measured.interrupted) refuseExceeded(conclusion.checks)
  context.interrupts.abort.throwIfAborted()
}

async function openImages(
  { original, optimized, others }: GivenReferences,
  open: (reference: string) => Promise<Image>,
): Promise<GivenImages> {
  const given = { original: await open(original), optimized: await open(optimized) }
  const opened: NamedImage[] = []
  for (const { name, reference } of others) opened.push({ name, image: await open(reference) })
  return { ...given, others: opened }
}

/** The same seconds in every arm would hide what is compared. */
const NO_CHECK =
  'every sample lasts 10 s after the pull, whether or not the container is ready: say when it is, e.g. --ready-http URL'

/** @throws HeadstartError E_EXCEEDED */
function refuseExceeded(checks: readonly Check[]): void {
  const exceeded = checks.filter(({ ok }) => !ok).length
  if (exceeded > 0)
    throw new HeadstartError('E_EXCEEDED', `${exceeded} of ${checks.length} limits are exceeded`)
}
