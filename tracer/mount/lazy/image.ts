/** Opens an image for lazy reading: its tables of contents first, then what a start will read, then the rest, counting what is fetched and why. */
import { parsePlatform } from '../../../image/platform.ts'
import { openSource } from '../../../image/sources.ts'
import type { Image } from '../../../image/types.ts'
import { monotonicMs } from '../../../system/clock.ts'
import { messageOf } from '../../../system/errors.ts'
import type { FileSystem } from '../file-system.ts'
import type { Counters, LazySummary, PrefetchPlan } from '../messages.ts'
import { createChunkStore } from './cache/chunk-store.ts'
import { createContentCache } from './cache/content-cache.ts'
import { type DiskCache, openDiskCache } from './cache/disk-cache.ts'
import { keeperOf, keptTocs } from './cache/documents.ts'
import { LazyContent, type LazyLayer } from './content.ts'
import { createDemand } from './demand.ts'
import { createLazyFileSystem } from './file-system.ts'
import { groupsByOffset } from './groups.ts'
import { indexLayers } from './nodes.ts'
import { countedStream, openLayer } from './open-layer.ts'
import type { Material } from './prefetch/prefetch.ts'
import { readProfile } from './prefetch/profile.ts'
import { startFetching } from './prefetch/start.ts'
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
  /** Resolves when what is to be kept for other mounts is on the disk. */
  settled(): Promise<void>
}

/**
 * Resolves once the tables of contents are there, and the zones, if those are to be waited for.
 * @throws HeadstartError E_NOT_ESTARGZ: a layer that can't be read lazily; E_CACHE, and what opening the image throws
 */
export async function openLazyImage(spec: LazyTree): Promise<LazyImage> {
  const counters = noCounts()
  const startedAt = monotonicMs()
  const disk = spec.cache && (await openDiskCache(spec.cache))
  const { source, image } = await openImage(spec, disk)
  const resolvedAt = monotonicMs()
  const profile =
    spec.prefetch === 'stream' && spec.profile ? readProfile(source, image, spec.profile) : undefined
  const { material, layers } = await openLayers(image, counters, disk)
  const tocsAt = monotonicMs()
  const { content, ...keeping } = await openContent(spec, layers, { disk, counters })
  const fetching = startFetching(spec, { material, content, profile, ...keeping })
  if (spec.prefetch === 'zone') await fetching.done
  const faults = new Set<string>()
  return {
    fileSystem: createLazyFileSystem(material.nodes, noting(content, faults)),
    counters: () => counters,
    prefetchPlan: () => fetching.plan,
    faults: () => [...faults],
    begin: fetching.begin,
    settled: keeping.settled,
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

async function openImage({ reference, platform, insecure, caFile }: LazyTree, disk: DiskCache | undefined) {
  const source = await openSource(reference, {
    insecure,
    ...(disk && { keeper: keeperOf(disk) }),
    ...(caFile !== undefined && { caFile }),
  })
  const image = await source.image(platform === undefined ? undefined : parsePlatform(platform))
  return { source, image }
}

async function openLayers(image: Image, counters: Counters, disk: DiskCache | undefined) {
  const kept = disk && keptTocs(disk)
  const opened = await Promise.all(
    image.layers.map((layer, index) =>
      openLayer(layer, { counters, kept, where: `layer ${index + 1} of ${image.layers.length}` }),
    ),
  )
  const layers = image.layers.map((layer, index) => ({
    groups: groupsByOffset(opened[index] ?? { entries: [] }),
    stream: countedStream(layer, counters),
  }))
  const material: Material = {
    nodes: indexLayers(opened),
    layers,
    zoneEnds: opened.map(({ zoneEnd }) => zoneEnd),
  }
  return { material, layers }
}

/** What other mounts use, too, need not be on the disk twice: with a shared cache there is no other. */
async function openContent(
  { cacheFolder, memoryBytes, diskBytes }: LazyTree,
  layers: readonly LazyLayer[],
  { disk, counters }: { readonly disk: DiskCache | undefined; readonly counters: Counters },
) {
  const demand = createDemand()
  const cache = await createContentCache(cacheFolder, { memoryBytes, diskBytes: disk ? 0 : diskBytes })
  const onHit = (bytes: number) => {
    counters.cached += bytes
  }
  return {
    demand,
    content: new LazyContent(layers, { cache, store: disk && createChunkStore(disk, onHit), demand }),
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
