/**
 * Content of eStargz layers, fetched by range: neighbouring groups of chunks in one request, no group twice at the same time, and each chunk
 * verified before it is used.
 */
import { decodeChunks, limitOf, partOf } from '../../../image/estargz/read/decode.ts'
import { cutAt, type Group } from '../../../image/estargz/read/groups.ts'
import type { Chunk } from '../../../image/estargz/read/reader.ts'
import type { ByteRange } from '../../../image/types.ts'
import { createBudget } from '../../../system/budget.ts'
import type { ChunkStore } from './cache/chunk-store.ts'
import type { ContentCache } from './cache/content-cache.ts'
import type { Demand } from './demand.ts'
import { edgesOf, mergeRuns, type Run } from './runs.ts'

/** Why something is fetched. */
export type Reason = 'prefetch' | 'onDemand' | 'background'

export interface LazyLayer {
  /** by offset; what is fetched ahead of its table of contents is not among them */
  readonly groups: ReadonlyMap<number, Group>
  /** The bytes of its blob in a range, as they arrive. */
  stream(range: ByteRange, reason: Reason): AsyncIterable<Buffer>
}

export interface Stores {
  readonly cache: Pick<ContentCache, 'get' | 'has' | 'put'>
  /** shared with other mounts */
  readonly store?: ChunkStore | undefined
  readonly demand: Demand
}

/** For one read; it is decoded as it arrives. */
const MAX_RUN_BYTES = 256 << 20
/** What groups may hold that are arriving: many of the usual ones, or a few that are large. */
const RECEIVING_BYTES = 512 << 20
/** What groups may hold that are being decoded or on their way to the disk: a few of the usual ones, or one that is large. */
const DECODING_BYTES = 512 << 20

interface Arriving extends PromiseWithResolvers<Buffer> {
  readonly key: string
  readonly group: Group
}

export class LazyContent {
  private readonly layers: readonly LazyLayer[]
  private readonly cache: Stores['cache']
  private readonly store: ChunkStore | undefined
  private readonly demand: Demand
  private readonly inFlight = new Map<string, Promise<Buffer>>()
  private readonly receiving = createBudget(RECEIVING_BYTES)
  private readonly decoding = createBudget(DECODING_BYTES)

  constructor(layers: readonly LazyLayer[], { cache, store, demand }: Stores) {
    this.layers = layers
    this.cache = cache
    this.store = store
    this.demand = demand
  }

  /** Contents of chunks of one layer. */
  async read(layer: number, chunks: readonly Chunk[]): Promise<Buffer[]> {
    const stored = chunks.map((chunk) => this.storedPart(layer, chunk))
    const fetched = this.contentsOf(
      layer,
      chunks.filter((_, at) => stored[at] === undefined),
    )
    return Promise.all(
      chunks.map(async (chunk, at) => {
        const part = await stored[at]
        if (part) return part
        // Of what was stored, some may have been removed, or be damaged.
        const content = fetched.get(chunk.offset) ?? this.contentsOf(layer, [chunk]).get(chunk.offset)
        if (!content) throw new Error(`no chunk at ${chunk.offset}`)
        return partOf(await content, chunk)
      }),
    )
  }

  /** Fetches what nobody has or is fetching of a run. Resolves when that is decoded. @throws what fetching or decoding throws */
  async fetch(layer: number, run: Run, reason: Reason): Promise<void> {
    const missing = run.groups.filter((group) => !this.has(layer, group))
    const runs = missing.length === run.groups.length ? [run] : mergeRuns(missing, MAX_RUN_BYTES)
    // Not the contents: whoever waits for all would keep them until the last one is there.
    const arrivals = runs.flatMap((each) =>
      this.fetchRun(layer, each, reason).map((content) => content.then(() => {})),
    )
    await Promise.all(arrivals)
  }

  /** Whether reading it asks nobody, or somebody was asked already. */
  has(layer: number, group: Group): boolean {
    const key = keyOf(layer, group.offset)
    return this.inFlight.has(key) || this.cache.has(key) || this.isStored(group)
  }

  private isStored({ chunks }: Group): boolean {
    const { store } = this
    return store !== undefined && chunks.every((chunk) => store.has(chunk))
  }

  /** From the shared cache, unless the group is at hand or on its way. */
  private storedPart(layer: number, chunk: Chunk): Promise<Buffer | undefined> | undefined {
    const key = keyOf(layer, chunk.offset)
    if (!this.store || !chunk.digest || this.inFlight.has(key) || this.cache.has(key)) return undefined
    const { digest } = chunk
    return (
      this.cache.get(digest) ??
      this.store.get(chunk)?.then((content) => {
        if (content) void this.cache.put(digest, content)
        return content
      })
    )
  }

  /** Of the groups of these chunks, by offset; what is missing is fetched on demand. */
  private contentsOf(layer: number, chunks: readonly Chunk[]): Map<number, Promise<Buffer>> {
    const offsets = [...new Set(chunks.map(({ offset }) => offset))].sort((a, b) => a - b)
    const found = new Map<number, Promise<Buffer>>()
    const missing: Group[] = []
    for (const offset of offsets) {
      const key = keyOf(layer, offset)
      const group = this.layers[layer]?.groups.get(offset)
      const content = this.arriving(key, layer, group) ?? this.cache.get(key)
      if (content) found.set(offset, content)
      else if (group) missing.push(group)
    }
    for (const run of mergeRuns(missing, MAX_RUN_BYTES)) {
      const contents = this.fetchRun(layer, run, 'onDemand')
      run.groups.forEach(({ offset }, index) => {
        const content = contents[index]
        if (content) found.set(offset, content)
      })
      void this.demand.during(Promise.allSettled(contents))
    }
    return found
  }

  /** What is on its way already. If that fails, whoever reads asks once more: it was asked for in vain, and perhaps long ago. */
  private arriving(key: string, layer: number, group: Group | undefined): Promise<Buffer> | undefined {
    return this.inFlight.get(key)?.catch((error: unknown) => {
      const again =
        this.inFlight.get(key) ??
        (group &&
          this.fetchRun(layer, { start: group.offset, end: group.end, groups: [group] }, 'onDemand')[0])
      if (!again) throw error
      void this.demand.during(Promise.allSettled([again]))
      return again
    })
  }

  /** Fetches a run; requests for its groups that arrive meanwhile wait for it. */
  private fetchRun(layer: number, run: Run, reason: Reason): Promise<Buffer>[] {
    const arriving = run.groups.map((group): Arriving => {
      return { group, key: keyOf(layer, group.offset), ...Promise.withResolvers<Buffer>() }
    })
    const contents = arriving.map(({ key, promise }) => {
      const content = promise.finally(() => this.inFlight.delete(key))
      this.inFlight.set(key, content)
      content.catch(() => {}) // reported to those who asked for it
      return content
    })
    this.receive(layer, run, { reason, arriving }).catch((error: unknown) => {
      for (const { reject } of arriving) reject(error)
    })
    return contents
  }

  private async receive(
    layer: number,
    run: Run,
    { reason, arriving }: { readonly reason: Reason; readonly arriving: readonly Arriving[] },
  ): Promise<void> {
    const largest = run.groups.reduce((most, { offset, end }) => Math.max(most, end - offset), 0)
    await this.receiving.take(largest)
    try {
      const stream = this.layers[layer]?.stream({ start: run.start, end: run.end }, reason) ?? []
      const queue = arriving.values()
      let next = queue.next().value
      let at = run.start
      for await (const bytes of cutAt(stream, edgesOf(run))) {
        if (next?.group.offset === at) {
          await this.startDecoding(next, bytes)
          next = queue.next().value
        }
        at += bytes.length
        if (reason === 'background') await this.demand.idle()
      }
    } finally {
      this.receiving.giveBack(largest)
    }
  }

  /** Resolves once there is room for its content, which then is decoded. */
  private async startDecoding({ key, group, resolve }: Arriving, bytes: Buffer): Promise<void> {
    await this.decoding.take(limitOf(group.chunks))
    resolve(this.decode(key, group, bytes))
  }

  private async decode(key: string, group: Group, bytes: Buffer): Promise<Buffer> {
    const giveBack = () => this.decoding.giveBack(limitOf(group.chunks))
    let isKept: Promise<void> | undefined
    try {
      const content = await decodeChunks(bytes, group)
      isKept = this.cache.put(key, content)
      for (const chunk of group.chunks) this.store?.put(chunk, partOf(content, chunk))
      return content
    } finally {
      if (isKept) void isKept.then(giveBack)
      else giveBack()
    }
  }
}

const keyOf = (layer: number, offset: number): string => `${layer}:${offset}`
