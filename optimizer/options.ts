/** The options of a rebuild, with the defaults that the help shows. */
import { FORMATS, type FormatName } from '../image/estargz/format/formats.ts'
import { HeadstartError } from '../system/errors.ts'

export interface NetworkModel {
  readonly mbitPerSecond: number
  /** milliseconds from a request to its first byte */
  readonly latencyMs: number
  /**
   * compressed bytes of a file that a runtime reads at once, from the chunk it needs; only that chunk when undefined.
   * stargz-snapshotter reads this much, whatever the chunks' size (estargz, `fileReader.ReadAt`)
   */
  readonly readBytes?: number | undefined
}

export const SPLIT_MODES = ['off', 'auto', 'always'] as const
export type SplitMode = (typeof SPLIT_MODES)[number]

export interface OptimizeOptions {
  readonly format: FormatName
  /** Layers unpack to the very bytes they unpacked to before: no file moves, nothing is prefetched. */
  readonly keepDiffId: boolean
  /** how many bytes of a file are compressed, fetched and checked at once */
  readonly chunkSize: number
  /** small files share a member until it has this many bytes; 0: each has its own, which stargz-snapshotter before 0.13 needs */
  readonly minChunkSize: number
  /** of the format's codec, from 1 (fast): libdeflate's to 12, zstd's to 22; the format's own when undefined */
  readonly level: number | undefined
  /** `worth`: what the model says is cheaper prefetched; `all`: every startup file, as ctr-remote does */
  readonly prioritize: 'worth' | 'all'
  /**
   * byte ranges ahead of the landmark, instead of the files they lie in: `auto` where the model says it pays, `always` where it saves bytes.
   * See docs/split.md for who can read such layers
   */
  readonly split: SplitMode
  readonly network: NetworkModel
  /** maximum of the compressed bytes of all zones */
  readonly maxZone: number | undefined
  /** globs over paths without a leading slash: always in the zone, even if the start didn't read them; never in it */
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  /** layers to rebuild, by index from the base; others are kept as they are. All when undefined */
  readonly onlyLayers: readonly number[] | undefined
  /** 0 to 1: fail if less of the start is in the image, or none of its files; undefined: never */
  readonly minCoverage: number | undefined
  /** threads that compress; the output doesn't depend on it */
  readonly threads: number | undefined
}

export const DEFAULT_OPTIONS: OptimizeOptions = {
  format: 'estargz',
  keepDiffId: false,
  chunkSize: 4 << 20,
  minChunkSize: 0,
  level: undefined,
  prioritize: 'worth',
  split: 'off',
  network: { mbitPerSecond: 100, latencyMs: 10, readBytes: 2 << 20 },
  maxZone: undefined,
  include: [],
  exclude: [],
  onlyLayers: undefined,
  minCoverage: 0,
  threads: undefined,
}

const KIB = 1024
const MIB = KIB * KIB

/** A chunk is in memory whole, more than once; readers refuse larger ones than 1 GiB. */
const MAX_CHUNK = 256 * MIB
/** A smaller chunk costs more in the table of contents than it saves. */
const MIN_CHUNK = 4 * KIB

/** @throws HeadstartError E_OPTION: names the option, its value and what it may be */
export function checkOptions(options: OptimizeOptions, layers: number): void {
  const { network, onlyLayers, minCoverage } = options
  checkFormat(options)
  within('the latency', network.latencyMs, 0, 1e6)
  within('the bandwidth', network.mbitPerSecond, Number.MIN_VALUE, 1e9)
  within('the minimum coverage', minCoverage ?? 0, 0, 1)
  for (const layer of onlyLayers ?? []) within('a layer to rebuild', layer, 0, layers - 1)
}

/** What can be told before the image is known. @throws as `checkOptions` */
export function checkFormat(given: Partial<OptimizeOptions>): void {
  const { format, chunkSize, minChunkSize, level, split, keepDiffId } = { ...DEFAULT_OPTIONS, ...given }
  const { codec, maxLevel, packs, tocPlace } = FORMATS[format]
  within('the chunk size', chunkSize, MIN_CHUNK, MAX_CHUNK)
  within('the minimum chunk size', minChunkSize, 0, MAX_CHUNK)
  within('the compression level', level ?? 1, 1, maxLevel)
  if (minChunkSize > 0 && !packs)
    throw new HeadstartError('E_OPTION', `${format} layers can't pack small files together`, {
      hint: 'Leave out the minimum chunk size',
    })
  if (split !== 'off' && codec !== 'gzip')
    throw new HeadstartError('E_OPTION', `${format} layers can't have byte ranges ahead of their files`, {
      hint: 'Leave out --split, or use --format estargz',
    })
  if (split !== 'off' && keepDiffId)
    throw new HeadstartError(
      'E_OPTION',
      'layers that keep their diffIDs have no zone to put byte ranges in',
      {
        hint: 'Leave out --split or --keep-diff-id',
      },
    )
  if (keepDiffId && tocPlace === 'in-tar')
    throw new HeadstartError(
      'E_OPTION',
      `${format} layers can't keep their diffIDs: their table of contents is one of the files they unpack to`,
      { hint: 'Choose --format estargz+external-toc or zstd:chunked, or leave out --keep-diff-id' },
    )
}

function within(what: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return
  throw new HeadstartError('E_OPTION', `${what} is ${value}; it must be between ${least} and ${most}`)
}

export const levelOf = ({ format, level }: OptimizeOptions): number => level ?? FORMATS[format].level
