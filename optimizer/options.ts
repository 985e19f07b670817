/** What a person can set, with the defaults that the help shows. */
import { HeadstartError } from '../system/errors.ts'

export interface NetworkModel {
  readonly mbitPerSecond: number
  /** milliseconds from a request to its first byte */
  readonly latencyMs: number
  /**
   * compressed bytes that a runtime reads of a file, from the chunk it wants on; the chunk alone when undefined. stargz-snapshotter
   * reads ahead so far, whatever the chunks' size (estargz, `fileReader.ReadAt`)
   */
  readonly readBytes?: number | undefined
}

export interface OptimizeOptions {
  /** bytes of a file that are compressed, fetched and checked at once */
  readonly chunkSize: number
  /** small files share a member until it has so many bytes; 0: each has its own, which stargz-snapshotter before 0.13 needs */
  readonly minChunkSize: number
  /** libdeflate's: 1 (fast) to 12 (small) */
  readonly level: number
  /** `worth`: what the model says is cheaper ahead; `all`: every startup file, as the reference tool does */
  readonly prioritize: 'worth' | 'all'
  readonly network: NetworkModel
  /** compressed bytes of all zones at most */
  readonly maxZone: number | undefined
  /** globs over paths without a leading slash: always ahead, even where the start didn't read them; never ahead */
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  /** layers to work on, by index from the base; others are kept as they are. All when undefined */
  readonly onlyLayers: readonly number[] | undefined
  /** 0 to 1: fail when fewer of the startup files are in the image, or none; undefined: never */
  readonly minCoverage: number | undefined
  /** threads that compress; the output doesn't depend on it */
  readonly threads: number | undefined
}

export const DEFAULT_OPTIONS: OptimizeOptions = {
  chunkSize: 4 << 20,
  minChunkSize: 0,
  level: 6,
  prioritize: 'worth',
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
/** What a chunk costs in the table of contents is more than a smaller one is worth. */
const MIN_CHUNK = 4 * KIB

/** @throws HeadstartError E_OPTION: names the option, its value and what it may be */
export function checkOptions(options: OptimizeOptions, layers: number): void {
  const { chunkSize, minChunkSize, level, network, onlyLayers, minCoverage } = options
  within('the chunk size', chunkSize, MIN_CHUNK, MAX_CHUNK)
  within('the least chunk size', minChunkSize, 0, MAX_CHUNK)
  within('the compression level', level, 1, 12)
  within('the latency', network.latencyMs, 0, 1e6)
  within('the bandwidth', network.mbitPerSecond, Number.MIN_VALUE, 1e9)
  within('the least coverage', minCoverage ?? 0, 0, 1)
  for (const layer of onlyLayers ?? []) within('a layer to work on', layer, 0, layers - 1)
}

function within(what: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return
  throw new HeadstartError('E_OPTION', `${what} is ${value}; it must be between ${least} and ${most}`)
}
