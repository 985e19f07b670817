/** The flags that say how an image is rebuilt: what goes ahead of the landmark, and in which format. */
import { type Command, Option } from 'commander'
import { DEFAULT_OPTIONS, type OptimizeOptions } from '../../optimizer/options.ts'
import {
  bandwidthFlag,
  collect,
  countFlag,
  latencyFlag,
  positiveFlag,
  shareFlag,
  sizeFlag,
} from './values.ts'

export interface RebuildFlags {
  /** these three only where they were given: what is asked for by name is asked of layers that are eStargz already, too */
  readonly chunkSize?: number
  readonly minChunkSize?: number
  readonly compressionLevel?: number
  readonly prioritize: OptimizeOptions['prioritize']
  readonly bandwidth: number
  readonly latency: number
  readonly readSize: number
  readonly maxZone?: number
  readonly include?: string[]
  readonly exclude?: string[]
  readonly onlyLayers?: number[]
  readonly minCoverage: number
  readonly threads?: number
}

export const addRebuildFlags = (command: Command): Command => addPlanFlags(addFormatFlags(command))

function addPlanFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('What goes ahead:')
  const { network, prioritize } = DEFAULT_OPTIONS
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
    .addOption(
      option('--read-size <bytes>', 'what the runtime reads of a file at once (stargz-snapshotter: 2MiB)')
        .argParser(sizeFlag)
        .default(network.readBytes ?? 0, '2MiB'),
    )
    .addOption(option('--max-zone <bytes>', 'compressed bytes at most, all layers').argParser(sizeFlag))
    .addOption(option('--include <glob>', 'always ahead, read or not').argParser(collect))
    .addOption(option('--exclude <glob>', 'never ahead').argParser(collect))
    .addOption(
      option('--min-coverage <share>', "fail when fewer of the trace's files are in the image")
        .argParser(shareFlag)
        .default(0, '0%'),
    )
}

/** Said once, for three flags. */
const FORMAT_GROUP = 'Format (a layer that is eStargz already keeps its own unless a flag asks for another):'

function addFormatFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup(FORMAT_GROUP)
  const { minChunkSize, level } = DEFAULT_OPTIONS
  return command
    .addOption(
      option('--chunk-size <bytes>', 'of a file, compressed and fetched at once (default: 4MiB)').argParser(
        sizeFlag,
      ),
    )
    .addOption(
      option(
        '--min-chunk-size <bytes>',
        `pack small files together up to this; needs stargz-snapshotter 0.13 (default: ${minChunkSize})`,
      ).argParser(sizeFlag),
    )
    .addOption(option('--compression-level <level>', `1 to 12 (default: ${level})`).argParser(positiveFlag))
    .addOption(
      option(
        '--only-layers <list>',
        'work on these, counted from 1 at the base; others stay as they are',
      ).argParser((text) => text.split(',').map((item) => positiveFlag(item.trim()) - 1)),
    )
    .addOption(option('--threads <count>', 'to compress with; the result is the same').argParser(countFlag))
}

export const optionsOf = (flags: RebuildFlags): Partial<OptimizeOptions> => ({
  ...(flags.chunkSize !== undefined && { chunkSize: flags.chunkSize }),
  ...(flags.minChunkSize !== undefined && { minChunkSize: flags.minChunkSize }),
  ...(flags.compressionLevel !== undefined && { level: flags.compressionLevel }),
  prioritize: flags.prioritize,
  network: { mbitPerSecond: flags.bandwidth, latencyMs: flags.latency, readBytes: flags.readSize },
  maxZone: flags.maxZone,
  include: flags.include ?? [],
  exclude: flags.exclude ?? [],
  onlyLayers: flags.onlyLayers,
  minCoverage: flags.minCoverage,
  threads: flags.threads,
})
