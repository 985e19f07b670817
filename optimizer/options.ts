/** What a person can set, with the defaults that the help shows. */

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
