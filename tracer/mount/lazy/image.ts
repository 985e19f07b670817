/** Opens an image for lazy reading: its tables of contents first, then what a start will read, then the rest, counting what is fetched and why. */
import { setTimeout as sleep } from 'node:timers/promises'
import { groupsByOffset } from '../../../image/estargz/read/groups.ts'
import type { EstargzLayer } from '../../../image/estargz/read/reader.ts'
import type { ZoneGroup } from '../../../image/estargz/read/zone-first.ts'
import { parsePlatform } from '../../../image/platform.ts'
import { openSource } from '../../../image/sources.ts'
import type { ImageSource, KnownManifest } from '../../../image/types.ts'
import { type DiskCache, openDiskCache } from '../../../system/cache/disk-cache.ts'
import { monotonicMs } from '../../../system/clock.ts'
import { messageOf } from '../../../system/errors.ts'
import { inTurns } from '../../../system/steps.ts'
import type { FileSystem } from '../file-system.ts'
import type { Counters, LazySummary, PrefetchPlan } from '../messages.ts'
import { createChunkStore } from './cache/chunk-store.ts'
import { createContentCache } from './cache/content-cache.ts'
import { keeperOf, keptTocs } from './cache/documents.ts'
import { LazyContent, type LazyLayer, type Stores } from './content.ts'
import { createDemand } from './demand.ts'
import { createLazyFileSystem } from './file-system.ts'
import { indexLayers } from './nodes.ts'
import { countedStream, type LayerPlace, openLayer } from './open-layer.ts'
import { fetchEarly } from './prefetch/early.ts'
import type { Material } from './prefetch/prefetch.ts'
import { profileOf, readTraces } from './prefetch/profile.ts'
import { startFetching } from './prefetch/start.ts'
import { zoneChooser } from './prefetch/wanted.ts'
import type { LazyTree } from './tree.ts'

export interface LazyImage {
  readonly fileSystem: FileSystem
  readonly summary: LazySummary
  counters(): Counters
  prefetchPlan(): Promise<PrefetchPlan>
  /** Why reads failed, each reason once. */
  faults(): string[]
  /** The container starts now. */
  begin(): void
  /** Resolves when what is to be kept for other mounts is on the disk; nothing more is. */
  close(): Promise<void>
}

/** So long, tables of contents wait for the profile, which takes more round trips and no time to parse. */
const PROFILE_FIRST_MS = 300

/**
 * Resolves once the tables of contents are there, and the zones, if those are to be waited for.
 * @throws HeadstartError E_NOT_ESTARGZ: a layer that can't be read lazily; E_CACHE, and what opening the image throws
 */
export async function openLazyImage(spec: LazyTree): Promise<LazyImage> {
  const counters = noCounts()
  const startedAt = monotonicMs()
  const disk = spec.cache && (await openDiskCache(spec.cache))
  const { stores, ...keeping } = await openStores(spec, { disk, counters })
  const source = await openSource(spec.reference, {
    insecure: spec.insecure,
    ...(disk && { keeper: keeperOf(disk) }),
    ...(spec.caFile !== undefined && { caFile: spec.caFile }),
  })
  const early = once((known: KnownManifest) => askEarly(spec, source, known, { counters, disk, stores }))
  const platform = spec.platform === undefined ? undefined : parsePlatform(spec.platform)
  const image = await source.image(platform, early)
  const resolvedAt = monotonicMs()
  const { opened, traces, layers, content, zones } = early(image)
  const material = await materialOf(await opened, layers)
  const tocsAt = monotonicMs()
  const fetching = startFetching(spec, {
    material,
    content,
    demand: stores.demand,
    profile: traces?.then((read) => profileOf(read, image)),
    early: zones,
    ...keeping,
  })
  if (spec.prefetch === 'zone') await fetching.done
  const faults = new Set<string>()
  return {
    fileSystem: createLazyFileSystem(material.nodes, noting(content, faults)),
    counters: () => counters,
    prefetchPlan: () => fetching.plan,
    faults: () => [...faults],
    begin: fetching.begin,
    close: async () => disk?.close(),
    summary: {
      reference: image.reference,
      rawManifest: Buffer.from(image.rawManifest).toString('base64'),
      rawConfig: Buffer.from(image.rawConfig).toString('base64'),
      resolveMs: resolvedAt - startedAt,
      tocMs: tocsAt - resolvedAt,
      prefetchMs: monotonicMs() - tocsAt,
      zoneBytes: [...material.zoneEnds],
    },
  }
}

function noCounts(): Counters {
  const none = () => ({ requests: 0, bytes: 0 })
  return { toc: none(), prefetch: none(), onDemand: none(), background: none(), cached: 0 }
}

interface Ours {
  readonly counters: Counters
  readonly disk: DiskCache | undefined
}

/** Its groups are known once its table of contents has been read. */
type OpeningLayer = { -readonly [Field in keyof LazyLayer]: LazyLayer[Field] }

/** What is asked for as soon as the manifest is there, config or not. Neither promise need be waited for. */
function askEarly(
  spec: LazyTree,
  source: ImageSource,
  { descriptor, layers }: KnownManifest,
  { counters, disk, stores }: Ours & { readonly stores: Stores },
) {
  const lazyLayers = layers.map(
    (layer): OpeningLayer => ({ groups: new Map(), stream: countedStream(layer, counters) }),
  )
  const content = new LazyContent(lazyLayers, stores)
  const zones = spec.prefetch === 'stream' ? fetchEarly(content) : undefined
  const profile = spec.prefetch === 'stream' ? spec.profile : undefined
  const traces = profile && readTraces(source, descriptor.digest, profile)
  const before = traces && Promise.race([traces, sleep(PROFILE_FIRST_MS)])
  const common = { counters, kept: disk && keptTocs(disk), before }
  const chooser = Promise.resolve(traces).then((known) =>
    zoneChooser(known?.read.map(({ trace }) => trace) ?? []),
  )
  const onZone: OnZone | undefined = zones && (async (layer, zone) => zones.add(layer, (await chooser)(zone)))
  const opened = openTocs(layers, common, onZone)
  opened.catch(() => zones?.stop()) // reported to whoever waits for it
  return { traces, opened, layers: lazyLayers, content, zones }
}

/** The first call counts. */
function once<T, R>(work: (given: T) => R): (given: T) => R {
  let made: { readonly result: R } | undefined
  return (given) => {
    made ??= { result: work(given) }
    return made.result
  }
}

type OnZone = (layer: number, zone: readonly ZoneGroup[]) => Promise<void>

function openTocs(
  layers: KnownManifest['layers'],
  common: Omit<LayerPlace, 'where' | 'onZone'>,
  onZone: OnZone | undefined,
) {
  return Promise.all(
    layers.map((layer, index) =>
      openLayer(layer, {
        ...common,
        where: `layer ${index + 1} of ${layers.length}`,
        ...(onZone && { onZone: (zone: readonly ZoneGroup[]) => void onZone(index, zone) }),
      }),
    ),
  )
}

async function materialOf(
  opened: readonly EstargzLayer[],
  layers: readonly OpeningLayer[],
): Promise<Material> {
  for (const [index, layer] of layers.entries()) layer.groups = groupsByOffset(opened[index]?.entries ?? [])
  return {
    nodes: await inTurns(indexLayers(opened)),
    layers,
    zoneEnds: opened.map(({ zoneEnd }) => zoneEnd),
  }
}

/** What other mounts use, too, need not be on the disk twice: with a shared cache there is no other. */
async function openStores({ cacheFolder, memoryBytes, diskBytes }: LazyTree, { disk, counters }: Ours) {
  const cache = await createContentCache(cacheFolder, { memoryBytes, diskBytes: disk ? 0 : diskBytes })
  const onHit = (bytes: number) => {
    counters.cached += bytes
  }
  return {
    stores: { cache, store: disk && createChunkStore(disk, onHit), demand: createDemand() },
    room: disk ? disk.room : async () => cache.room(),
    settled: async () => disk?.settled(),
  }
}

/** A program is told no more than EIO. */
const MOST_FAULTS = 20

const noting = (content: LazyContent, faults: Set<string>): Pick<LazyContent, 'read'> => ({
  read: (layer, chunks) =>
    content.read(layer, chunks).catch((error: unknown) => {
      if (faults.size < MOST_FAULTS) faults.add(messageOf(error))
      throw error
    }),
})
