/**
 * Content of eStargz layers, fetched on demand: by range, with adjacent groups of chunks in one request, no group twice at the same time,
 * and each chunk verified before it is used.
 */
import { decodeChunks, limitOf } from '../../../image/estargz/read/decode.ts'
import { type Group, groupsOf } from '../../../image/estargz/read/groups.ts'
import type { Chunk, EstargzEntry, EstargzLayer, RangeFetch } from '../../../image/estargz/read/reader.ts'
import { createBudget } from '../../../system/budget.ts'
import type { ContentCache } from './cache.ts'
import { mergeRuns, type Run } from './runs.ts'

export interface LazyLayer {
  readonly estargz: EstargzLayer
  readonly fetch: RangeFetch
}

/** Larger than any prioritized zone that is worth waiting for. A run is held in memory. */
const MAX_RUN_BYTES = 256 << 20
/** Of the zones of all layers, while they are fetched and decoded. */
const PREFETCH_BYTES = 512 << 20
/** What groups may hold that are being decoded or on their way to the disk: a few of the usual ones, or one that is large. */
const DECODING_BYTES = 512 << 20

export class LazyContent {
  private readonly layers: readonly LazyLayer[]
  private readonly cache: ContentCache
  /** of each layer, by offset */
  private readonly groups: readonly ReadonlyMap<number, Group>[]
  private readonly inFlight = new Map<string, Promise<Buffer>>()
  private readonly prefetching = createBudget(PREFETCH_BYTES)
  private readonly decoding = createBudget(DECODING_BYTES)

  constructor(layers: readonly LazyLayer[], cache: ContentCache) {
    this.layers = layers
    this.cache = cache
    this.groups = layers.map(({ estargz }) => groupsByOffset(estargz))
  }

  /** Contents of chunks of one layer. */
  read(layer: number, chunks: readonly Chunk[]): Promise<Buffer[]> {
    const offsets = [...new Set(chunks.map((chunk) => chunk.offset))].sort((a, b) => a - b)
    const contents = this.contentsOf(layer, offsets)
    return Promise.all(
      chunks.map(async ({ offset, innerOffset, size }) => {
        const content = await contents.get(offset)
        if (!content) throw new Error(`no chunk at ${offset}`)
        return content.subarray(innerOffset, innerOffset + size)
      }),
    )
  }

  /** Fetches each layer's prioritized zone, all layers at once, as far as there is memory for them, and puts it into the cache. */
  async prefetch(fetches: readonly RangeFetch[]): Promise<void> {
    await Promise.all(
      this.layers.map(async ({ estargz }, layer) => {
        const fetch = fetches[layer]
        const zone = [...(this.groups[layer]?.values() ?? [])]
          .filter(({ end }) => end <= estargz.zoneEnd)
          .sort((a, b) => a.offset - b.offset)
        for (const run of fetch ? mergeRuns(zone, MAX_RUN_BYTES) : [])
          if (fetch) await this.prefetchRun(layer, run, fetch)
      }),
    )
  }

  private async prefetchRun(layer: number, run: Run, fetch: RangeFetch): Promise<void> {
    const bytes = run.end - run.start
    await this.prefetching.take(bytes)
    try {
      await this.decodeRun(layer, run, fetch)
    } finally {
      this.prefetching.giveBack(bytes)
    }
  }

  /** Not async: one that waits would keep the contents until the last one is there. */
  private decodeRun(layer: number, run: Run, fetch: RangeFetch): Promise<unknown> {
    return Promise.all(this.fetchRun(layer, run, fetch).map((content) => content.then(() => {})))
  }

  /** Fetches a run; requests for its groups that arrive meanwhile wait for it. */
  private fetchRun(layer: number, run: Run, fetch: RangeFetch): Promise<Buffer>[] {
    const bytes = fetch({ start: run.start, end: run.end })
    return run.groups.map((group) => {
      const key = keyOf(layer, group.offset)
      const content = bytes
        .then((all) => this.decode(key, group, all.subarray(group.offset - run.start, group.end - run.start)))
        .finally(() => this.inFlight.delete(key))
      this.inFlight.set(key, content)
      content.catch(() => {}) // reported to those who asked for it
      return content
    })
  }

  private async decode(key: string, group: Group, bytes: Buffer): Promise<Buffer> {
    const most = limitOf(group.chunks)
    await this.decoding.take(most)
    let isKept: Promise<void> | undefined
    try {
      const content = await decodeChunks(bytes, group)
      isKept = this.cache.put(key, content)
      return content
    } finally {
      const giveBack = () => this.decoding.giveBack(most)
      if (isKept) void isKept.then(giveBack)
      else giveBack()
    }
  }

  /** @param offsets of groups, ascending */
  private contentsOf(layer: number, offsets: readonly number[]): Map<number, Promise<Buffer>> {
    const found = new Map<number, Promise<Buffer>>()
    const missing: Group[] = []
    for (const offset of offsets) {
      const key = keyOf(layer, offset)
      const content = this.inFlight.get(key) ?? this.cache.get(key)
      const group = this.groups[layer]?.get(offset)
      if (content) found.set(offset, content)
      else if (group) missing.push(group)
    }
    const fetch = this.layers[layer]?.fetch
    for (const run of fetch ? mergeRuns(missing, MAX_RUN_BYTES) : []) {
      const contents = fetch ? this.fetchRun(layer, run, fetch) : []
      run.groups.forEach(({ offset }, index) => {
        const content = contents[index]
        if (content) found.set(offset, content)
      })
    }
    return found
  }
}

const groupsByOffset = ({ entries }: EstargzLayer): Map<number, Group> =>
  new Map(groupsOf(chunksOf(entries)).map((group) => [group.offset, group]))

function* chunksOf(entries: readonly EstargzEntry[]): Generator<Chunk> {
  const ahead = entries.flatMap((entry) => entry.ahead)
  yield* ahead.sort((a, b) => a.offset - b.offset)
  for (const { chunks } of entries) yield* chunks
}

const keyOf = (layer: number, offset: number): string => `${layer}:${offset}`
