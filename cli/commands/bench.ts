/** `headstart bench`: pull and start, measured: the whole image, lazily, and lazily with the zone. */
import { type Command, Option } from 'commander'
import type { Image } from '../../image/types.ts'
import {
  baselineDoubts,
  type Check,
  checkBaseline,
  checkBudget,
  parseBudget,
} from '../../report/bench/budget.ts'
import { type Bench, readBench, writeBench } from '../../report/bench/file.ts'
import { type FormatName, formats } from '../../report/bench/formats/index.ts'
import { chooseLink, LINK_PRESETS } from '../../report/bench/link/link.ts'
import { type NamedImage, runBench } from '../../report/bench/run.ts'
import { runtimes } from '../../report/bench/runtime/index.ts'
import type { RuntimeName, StartSettings } from '../../report/bench/runtime/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { EngineName } from '../../tracer/container/types.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, type ImageFlags, sourceOf } from '../flags/image.ts'
import { addReadyFlags, type ReadyFlags, readyCheck } from '../flags/ready.ts'
import { addRunFlags, type RunFlags, runOptions } from '../flags/run.ts'
import {
  bandwidthFlag,
  collect,
  countFlag,
  durationFlag,
  latencyFlag,
  positiveFlag,
  shareFlag,
} from '../flags/values.ts'
import { auditText, gainOf } from '../print/bench-gain.ts'
import { commandLine } from '../print/command-line.ts'
import { duration, type Output } from '../print/output.ts'

interface Flags extends ImageFlags, ReadyFlags, RunFlags {
  readonly output: string
  readonly samples: number
  readonly warmups: number
  readonly arms?: string[]
  readonly image?: string[]
  readonly runtime: RuntimeName
  readonly engine?: EngineName
  readonly containerd?: string
  readonly snapshotter?: string
  readonly link: string
  readonly bandwidth?: number
  readonly latency?: number
  readonly watch?: number
  readonly audit: boolean
  readonly format: FormatName
  readonly budget?: string[]
  readonly baseline?: string
  readonly maxRegression: number
}

export function register(command: Command, context: CliContext): void {
  command
    .argument('<original>', 'the image as it was')
    .argument('<optimized>', 'what headstart optimize made of it')
    .argument('[command...]', "after --, instead of the image's command")
    .option('-o, --output <file>', 'where the measurement goes', 'bench.json')
    .option('-n, --samples <count>', 'of each arm', positiveFlag, 5)
    .option('--warmups <count>', 'of each arm, not counted', countFlag, 1)
    .option('--arms <names>', 'of legacy, lazy, optimized and names given with --image', (text) =>
      text.split(','),
    )
    .option('--image <name=image>', 'another image to compare', collect)
    .addOption(
      new Option('--runtime <name>', 'what pulls and starts')
        .choices(Object.keys(runtimes))
        .default('builtin'),
    )
    .addOption(
      new Option('--engine <name>', 'of the builtin runtime (default: runc)').choices(['docker', 'runc']),
    )
    .option(
      '--containerd <address>',
      "with --runtime containerd: its socket, or 'own' for one of each sample's own (default: $CONTAINERD_ADDRESS, else the machine's where it can pull lazily, else own)",
    )
    .option('--snapshotter <program>', "of a containerd of our own: the stargz snapshotter's daemon")
    .option(
      '--watch <time>',
      'how long to watch after each ready what is still fetched (default: with containerd 10s, once an arm)',
      durationFlag,
    )
    .option(
      '--audit',
      'record one more optimized start: what its zone brought for nothing, and what it lacked',
      false,
    )
    .addOption(new Option('--format <name>', 'of the result').choices(Object.keys(formats)).default('text'))
    .action((original: string, optimized: string, args: string[], flags: Flags) =>
      bench(original, optimized, args, flags, context),
    )
  addImageFlags(addRunFlags(addReadyFlags(addLimitFlags(addLinkFlags(command)))))
}

function addLinkFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('The link:')
  return command
    .addOption(
      option(
        '--link <name>',
        'lan: 1 Gbit/s, 1 ms; wan: 100 Mbit/s, 10 ms; edge: 20 Mbit/s, 50 ms; none: as it is',
      )
        .choices(Object.keys(LINK_PRESETS))
        .default('wan'),
    )
    .addOption(option('--bandwidth <rate>', 'instead of its own, e.g. 50Mbit').argParser(bandwidthFlag))
    .addOption(option('--latency <time>', 'instead of its own: a round trip').argParser(latencyFlag))
}

function addLimitFlags(command: Command): Command {
  const option = (flags: string, text: string) =>
    new Option(flags, text).helpGroup('Limits (status 3 when exceeded):')
  return command
    .addOption(
      option('--budget <limit>', 'start=2s, bytes=20MB or requests=30 (repeatable)').argParser(collect),
    )
    .addOption(option('--baseline <file>', 'an older measurement to compare with'))
    .addOption(
      option('--max-regression <share>', 'that may be lost against the baseline')
        .argParser(shareFlag)
        .default(0.1, '10%'),
    )
}

async function bench(
  original: string,
  optimized: string,
  args: readonly string[],
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const output = context.output()
  const limits = (flags.budget ?? []).flatMap(parseBudget)
  const baseline = flags.baseline === undefined ? undefined : await readBench(flags.baseline)
  await using stack = new AsyncDisposableStack()
  const open = async (reference: string): Promise<Image> =>
    stack.use(await sourceOf(reference, flags, context, output)).image(flags.platform)
  const image = await open(original)
  const others: NamedImage[] = []
  for (const text of flags.image ?? []) others.push(await named(text, open))
  const measured = await runBench({
    original: image,
    optimized: await open(optimized),
    others,
    arms: flags.arms,
    runtime: flags.runtime,
    link: chooseLink(flags.link, {
      bitsPerSecond: flags.bandwidth === undefined ? undefined : flags.bandwidth * 1e6,
      roundTripMs: flags.latency,
    }),
    samples: flags.samples,
    warmups: flags.warmups,
    start: await startSettings(image, args, flags),
    registry: { insecure: flags.insecure, caFile: flags.caFile },
    watchMs: flags.watch,
    audit: flags.audit,
    tool: `headstart ${context.version}`,
    command: commandLine(process.argv.slice(2)),
    signal: context.interrupts.abort,
    onProgress: ({ doing, done, total, leftMs }) => draw(output, doing, done, total, leftMs),
    onSample: (soFar) => writeBench(flags.output, soFar),
  })
  await writeBench(flags.output, measured)
  output.done()
  const checks = checkBudget(measured, limits)
  if (baseline) {
    checks.push(...checkBaseline(measured, baseline, flags.maxRegression))
    for (const doubt of baselineDoubts(measured, baseline)) output.warn(doubt)
  }
  conclude(measured, checks, flags, output)
}

async function startSettings(image: Image, args: readonly string[], flags: Flags): Promise<StartSettings> {
  return {
    command: args,
    run: await runOptions(flags),
    ready: readyCheck(flags, image.config.process.healthcheck),
    timeoutMs: flags.timeout,
    engine: flags.engine ?? 'runc',
    containerd: flags.containerd,
    snapshotter: flags.snapshotter,
  }
}

async function named(text: string, open: (reference: string) => Promise<Image>): Promise<NamedImage> {
  const [, name, reference] = /^([^=]+)=(.+)$/s.exec(text) ?? []
  if (name === undefined || reference === undefined)
    throw new HeadstartError('E_USAGE', `--image ${text} is not NAME=IMAGE`)
  return { name, image: await open(reference) }
}

function draw(output: Output, doing: string, done: number, total: number, leftMs: number | undefined): void {
  if (total === 0) {
    output.note(doing)
    return
  }
  const left = leftMs === undefined ? '' : `, ${duration(leftMs)} left`
  output.live(() => `${doing} (${done + 1} of ${total}${left})`)
}

/** @throws HeadstartError E_EXCEEDED */
function conclude(measured: Bench, checks: readonly Check[], flags: Flags, output: Output): void {
  if (measured.interrupted) output.warn('interrupted: the samples so far are kept')
  output.note(`written to ${flags.output}`)
  // Each format keeps what it is given on its own lines.
  output.result(formats[flags.format](measured, checks).trimEnd().split('\n'))
  if (measured.audit) output.note(auditText(measured.audit))
  const gain = gainOf(measured)
  if (flags.format === 'text' && gain !== undefined) output.result(gain)
  const exceeded = checks.filter(({ ok }) => !ok).length
  if (exceeded > 0)
    throw new HeadstartError('E_EXCEEDED', `${exceeded} of ${checks.length} limits are exceeded`)
}
