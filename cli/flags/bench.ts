/** The command line of `bench`, parsed once, before any image is opened: which images, and the order of what to do with them. */
import { type Command, Option } from 'commander'
import { type Limits, parseBudget } from '../../report/bench/budget.ts'
import { type BenchLink, readBench } from '../../report/bench/file.ts'
import { type FormatName, formats } from '../../report/bench/formats/index.ts'
import { chooseLink, LINK_PRESETS } from '../../report/bench/link/presets.ts'
import type { BenchRequest } from '../../report/bench/run.ts'
import { runtimes } from '../../report/bench/runtime/index.ts'
import type { RuntimeChoice, RuntimeName } from '../../report/bench/runtime/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { EngineName } from '../../tracer/container/types.ts'
import { addImageFlags, type ImageFlags } from './image.ts'
import { addReadyFlags, type ReadyFlags } from './ready.ts'
import { addRunFlags, type ContainerFlags, runOptions } from './run.ts'
import {
  bandwidthFlag,
  collect,
  countFlag,
  durationFlag,
  latencyFlag,
  positiveFlag,
  shareFlag,
} from './values.ts'

export interface BenchFlags extends ImageFlags, ReadyFlags, ContainerFlags {
  readonly output: string
  readonly samples: number
  readonly warmups: number
  readonly quick: boolean
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

export interface NamedReference {
  readonly name: string
  readonly reference: string
}

/** The images to compare, as they were given. */
export interface GivenReferences {
  readonly original: string
  readonly optimized: string
  readonly others: readonly NamedReference[]
}

export interface BenchOrder {
  /** how images are reached */
  readonly access: ImageFlags
  readonly measure: Omit<BenchRequest, 'made' | 'start'>
  readonly start: Omit<BenchRequest['start'], 'ready'>
  /** an image's healthcheck may be the check */
  readonly ready: ReadyFlags
  readonly limits: Limits
  /** file of the measurement */
  readonly output: string
  readonly format: FormatName
}

const ARMS = `
It compares ways to start, its arms, in turn and each from nothing cached:
  legacy     pulls all of the original first, as most runtimes do
  lazy       pulls the original lazily, as eStargz with nothing prefetched
  optimized  pulls the optimized image lazily, what its start reads first`

export function addBenchFlags(command: Command): Command {
  command
    .argument('<original>', 'the original image')
    .argument('<optimized>', 'the image that headstart optimize made from it')
    .argument('[command...]', "after --: replaces the image's command")
    .addHelpText('after', ARMS)
  return addImageFlags(addRunFlags(addReadyFlags(addLimitFlags(addLinkFlags(addSampleFlags(command))))))
}

function addSampleFlags(command: Command): Command {
  return command
    .option('-o, --output <file>', 'where to write the measurement', 'bench.json')
    .option('-n, --samples <count>', 'samples per arm', positiveFlag, 5)
    .option('--warmups <count>', 'warm-up samples per arm, which are discarded', countFlag, 1)
    .addOption(
      new Option('--quick', 'a first look: two samples per arm, and no warm-up')
        .default(false)
        .conflicts(['samples', 'warmups']),
    )
    .option(
      '--arms <names>',
      'comma-separated: legacy, lazy, optimized, and names given with --image (default: all)',
      (text) => text.split(','),
    )
    .option('--image <name=image>', 'another image to compare (repeatable)', collect)
    .addOption(
      new Option(
        '--runtime <name>',
        'what pulls and starts the image: a mount of our own, headstart run, docker for the full pull, or containerd with the stargz snapshotter',
      )
        .choices(Object.keys(runtimes))
        .default('builtin'),
    )
    .addOption(
      new Option('--engine <name>', 'engine of the builtin and run runtimes (default: runc)').choices([
        'docker',
        'runc',
      ]),
    )
    .option(
      '--containerd <address>',
      "with --runtime containerd: its socket, or 'own' to start one for each sample (default: $CONTAINERD_ADDRESS, else the machine's if it can pull lazily, else own)",
    )
    .option('--snapshotter <program>', "the stargz snapshotter's daemon for --containerd own")
    .option(
      '--watch <time>',
      'how long to record background requests after ready (default: 10s once per arm with containerd, otherwise not at all)',
      durationFlag,
    )
    .option(
      '--audit',
      'record one more optimized start, to find files in the zone that are not read, and files that are missing from it',
      false,
    )
    .addOption(
      new Option('--format <name>', 'format of the result').choices(Object.keys(formats)).default('text'),
    )
}

function addLinkFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('The link:')
  return command
    .addOption(
      option(
        '--link <name>',
        'lan: 1 Gbit/s, 1 ms; wan: 100 Mbit/s, 10 ms; edge: 20 Mbit/s, 50 ms; none: not shaped',
      )
        .choices(Object.keys(LINK_PRESETS))
        .default('wan'),
    )
    .addOption(
      option('--bandwidth <rate>', "instead of the link's own, e.g. 50Mbit").argParser(bandwidthFlag),
    )
    .addOption(
      option('--latency <time>', "round trip time instead of the link's own, e.g. 20ms").argParser(
        latencyFlag,
      ),
    )
}

function addLimitFlags(command: Command): Command {
  const option = (flags: string, text: string) =>
    new Option(flags, text).helpGroup('Limits (exit status 3 when one is exceeded):')
  return command
    .addOption(
      option('--budget <limit>', 'start=2s, bytes=20MB or requests=30 (repeatable)').argParser(collect),
    )
    .addOption(option('--baseline <file>', 'an earlier measurement to compare with'))
    .addOption(
      option('--max-regression <share>', 'how much worse than the baseline a median may be')
        .argParser(shareFlag)
        .default(0.1, '10%'),
    )
}

/**
 * @param command after `--`
 * @throws HeadstartError E_USAGE, E_LINK, E_BUDGET, E_OPTION; E_BENCH, E_FILE: a file that is named can't be read
 */
export async function benchOrder(command: readonly string[], flags: BenchFlags): Promise<BenchOrder> {
  const { arms, insecure, caFile, samples, warmups, quick, watch, audit, timeout } = flags
  if (flags.output === '-')
    throw new HeadstartError('E_USAGE', 'the measurement is kept in a file while it is made', {
      hint: 'Name it with -o; --format json prints the result',
    })
  return {
    access: flags,
    measure: {
      ...(arms && { arms }),
      link: linkOf(flags),
      registry: { insecure, ...(caFile !== undefined && { caFile }) },
      runtime: runtimeOf(flags),
      rounds: quick ? { samples: 2, warmups: 0 } : { samples, warmups },
      ...(watch !== undefined && { watchMs: watch }),
      audit,
    },
    start: { command, run: await runOptions(flags), timeoutMs: timeout, engine: flags.engine ?? 'runc' },
    ready: flags,
    limits: await limitsOf(flags),
    output: flags.output,
    format: flags.format,
  }
}

/** @throws HeadstartError E_USAGE */
export const givenReferences = (
  original: string,
  optimized: string,
  { image = [] }: BenchFlags,
): GivenReferences => ({ original, optimized, others: image.map(namedReference) })

function namedReference(text: string): NamedReference {
  const [, name, reference] = /^([^=]+)=(.+)$/s.exec(text) ?? []
  if (name === undefined || reference === undefined)
    throw new HeadstartError('E_USAGE', `--image ${text} does not have the form NAME=IMAGE`)
  return { name, reference }
}

const linkOf = ({ link, bandwidth, latency }: BenchFlags): BenchLink =>
  chooseLink(link, {
    ...(bandwidth !== undefined && { bitsPerSecond: bandwidth * 1e6 }),
    ...(latency !== undefined && { roundTripMs: latency }),
  })

const limitsOf = async ({ budget = [], baseline, maxRegression }: BenchFlags): Promise<Limits> => ({
  budget: budget.flatMap(parseBudget),
  ...(baseline !== undefined && { baseline: await readBench(baseline) }),
  maxRegression,
})

const runtimeOf = ({ runtime, containerd, snapshotter }: BenchFlags): RuntimeChoice => ({
  name: runtime,
  ...(containerd !== undefined && { containerd }),
  ...(snapshotter !== undefined && { snapshotter }),
})
