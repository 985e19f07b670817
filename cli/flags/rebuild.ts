/** The flags that say how an image is rebuilt: what is prefetched, and in which format. */
import { type Command, Option } from 'commander'
import { FORMAT_NAMES, type FormatName } from '../../image/estargz/format/formats.ts'
import {
  DEFAULT_OPTIONS,
  type OptimizeOptions,
  SPLIT_MODES,
  type SplitMode,
} from '../../optimizer/options.ts'
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
  readonly format: FormatName
  readonly keepDiffId: boolean
  /** these three only if given: layers that are already eStargz have to have what is asked for by name, too */
  readonly chunkSize?: number
  readonly minChunkSize?: number
  readonly compressionLevel?: number
  readonly prioritize: OptimizeOptions['prioritize']
  readonly split: SplitMode
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
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('Prefetch selection:')
  const { network, prioritize, split } = DEFAULT_OPTIONS
  return command
    .addOption(
      option(
        '--prioritize <which>',
        'worth: files that cost less prefetched than on demand; all: every file that was read',
      )
        .choices(['worth', 'all'])
        .default(prioritize),
    )
    .addOption(
      option(
        '--split [when]',
        'prefetch only the byte ranges that were read. auto: where that saves time on the link; always: where it saves bytes',
      )
        .choices(SPLIT_MODES)
        .preset('auto')
        .default(split),
    )
    .addOption(
      option('--bandwidth <rate>', 'bandwidth of the link, for that decision')
        .argParser(bandwidthFlag)
        .default(network.mbitPerSecond, `${network.mbitPerSecond}Mbit`),
    )
    .addOption(
      option('--latency <time>', 'latency of a request on the link')
        .argParser(latencyFlag)
        .default(network.latencyMs, `${network.latencyMs}ms`),
    )
    .addOption(
      option('--read-size <bytes>', 'how much of a file the runtime reads at once (stargz-snapshotter: 2MiB)')
        .argParser(sizeFlag)
        .default(network.readBytes ?? 0, '2MiB'),
    )
    .addOption(
      option(
        '--max-zone <bytes>',
        'maximum compressed size of the prioritized zones of all layers',
      ).argParser(sizeFlag),
    )
    .addOption(
      option('--include <glob>', 'always prefetch these files, read or not (repeatable)').argParser(collect),
    )
    .addOption(option('--exclude <glob>', 'never prefetch these files (repeatable)').argParser(collect))
    .addOption(
      option(
        '--min-coverage <share>',
        'fail if less of the recorded start is in the image: by the bytes that it read, without those of layers that both images have',
      )
        .argParser(shareFlag)
        .default(0, '0%'),
    )
}

const FORMAT_GROUP = 'Format (an eStargz layer keeps its own unless a flag asks for another):'

function addFormatFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup(FORMAT_GROUP)
  const { minChunkSize, format } = DEFAULT_OPTIONS
  return command
    .addOption(
      option(
        '--format <name>',
        'estargz; estargz+external-toc: its table of contents in a separate image, in the same registry; zstd:chunked: smaller, for the stargz snapshotter; zstd:chunked+podman: the same for podman and CRI-O',
      )
        .choices(FORMAT_NAMES)
        .default(format),
    )
    .addOption(
      option(
        '--keep-diff-id',
        'keep what the layers unpack to, byte for byte, so that their diffIDs and the config stay the same: no file moves and nothing is prefetched; not with estargz',
      ).default(false),
    )
    .addOption(
      option(
        '--chunk-size <bytes>',
        'how much of a file is compressed and fetched at once (default: 4MiB)',
      ).argParser(sizeFlag),
    )
    .addOption(
      option(
        '--min-chunk-size <bytes>',
        `pack small files together up to this size; needs stargz-snapshotter 0.13 or later (default: ${minChunkSize})`,
      ).argParser(sizeFlag),
    )
    .addOption(
      option('--compression-level <level>', '1 to 12 (default: 6); of zstd 1 to 22 (default: 9)').argParser(
        positiveFlag,
      ),
    )
    .addOption(
      option(
        '--only-layers <list>',
        'rebuild only these layers, counted from 1 at the base; the others stay as they are',
      ).argParser((text) => text.split(',').map((item) => positiveFlag(item.trim()) - 1)),
    )
    .addOption(
      option(
        '--threads <count>',
        'number of threads to compress with; the result does not depend on it',
      ).argParser(countFlag),
    )
}

export const optionsOf = (flags: RebuildFlags): Partial<OptimizeOptions> => ({
  ...(flags.chunkSize !== undefined && { chunkSize: flags.chunkSize }),
  ...(flags.minChunkSize !== undefined && { minChunkSize: flags.minChunkSize }),
  ...(flags.compressionLevel !== undefined && { level: flags.compressionLevel }),
  format: flags.format,
  keepDiffId: flags.keepDiffId,
  prioritize: flags.prioritize,
  split: flags.split,
  network: { mbitPerSecond: flags.bandwidth, latencyMs: flags.latency, readBytes: flags.readSize },
  maxZone: flags.maxZone,
  include: flags.include ?? [],
  exclude: flags.exclude ?? [],
  onlyLayers: flags.onlyLayers,
  minCoverage: flags.minCoverage,
  threads: flags.threads,
})
