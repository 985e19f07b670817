/** Opens an image for lazy reading: its tables of contents first, then what a start will read, then the rest, counting what is fetched and why. */
import { parsePlatform } from '../../../image/platform.ts'
import { openSource } from '../../../image/sources.ts'
import type { Image } from '../../../image/types.ts'
import { monotonicMs } from '../../../system/clock.ts'
import type { FileSystem } from '../file-system.ts'
import type { Counters, LazySummary, PrefetchPlan } from '../messages.ts'
import { createChunkStore } from './cache/chunk-store.ts'
import { createContentCache } from './cache/content-cache.ts'
import { type DiskCache, openDiskCache } from './cache/disk-cache.ts'
import { keeperOf, keptTocs } from './cache/documents.ts'
import { LazyContent } from './content.ts'
import { createDemand } from './demand.ts'
import { createLazyFileSystem } from './file-system.ts'
import { groupsByOffset } from './groups.ts'
import { indexLayers } from './nodes.ts'
import { countedStream, openLayer } from './open-layer.ts'
import {
  choosePrefetch,
  fetchRuns,
  fetchWhatThereIs,
  type Material,
  planPrefetch,
  STREAM,
  WHOLE,
} from './prefetch/prefetch.ts'
import { type Profile, readProfile } from './prefetch/profile.ts'
import type { LazyTree } from './tree.ts'

export interface LazyImage {
  readonly fileSystem: FileSystem
  readonly summary: LazySummary
  counters(): Counters
  prefetchPlan(): Promise<PrefetchPlan>
  /** The container starts now. */
  begin(): void
  /** Resolves when what is to be kept for other mounts is on the disk. */
  settled(): Promise<void>
}

/**
 * Resolves once the tables of contents are there, and the zones, if those are to be waited for.
 * @throws HeadstartError E_NOT_ESTARGZ: a layer that can't be read lazily, and what opening the image throws
 */
export async function openLazyImage(spec: LazyTree): Promise<LazyImage> {
  const counters = noCounts()
  const startedAt = monotonicMs()
  const disk = spec.cache && (await openDiskCache(spec.cache))
  const source = await openSource(spec.reference, {
    insecure: spec.insecure,
    ...(disk && { keeper: keeperOf(disk) }),
    ...(spec.caFile !== undefined && { caFile: spec.caFile }),
  })
  const image = await source.image(spec.platform === undefined ? undefined : parsePlatform(spec.platform))
  const resolvedAt = monotonicMs()
  const profile =
    spec.prefetch === 'stream' && spec.profile ? readProfile(source, image, spec.profile) : undefined
  const { material, layers } = await openLayers(image, counters, disk)
  const tocsAt = monotonicMs()
  const demand = createDemand()
  // What other mounts use, too, need not be on the disk twice.
  const cache = await createContentCache(spec.cacheFolder, disk ? { ...spec, diskBytes: 0 } : spec)
  const onHit = (bytes: number) => {
    counters.cached += bytes
  }
  const content = new LazyContent(layers, { cache, store: disk && createChunkStore(disk, onHit), demand })
  const prefetch = startPrefetch(spec, { material, content, profile })
  if (spec.prefetch === 'zone') await prefetch.done
  return {
    fileSystem: createLazyFileSystem(material.nodes, content),
    counters: () => counters,
    prefetchPlan: () => prefetch.plan,
    begin() {},
    settled: async () => disk?.settled(),
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

interface Prefetching {
  readonly material: Material
  readonly content: LazyContent
  readonly profile: Promise<Profile> | undefined
}

function startPrefetch({ prefetch: mode }: LazyTree, { material, content, profile }: Prefetching) {
  const isStreamed = mode === 'stream'
  const limits = isStreamed ? STREAM : WHOLE
  const planned = Promise.resolve(profile).then((known) => {
    const choice = choosePrefetch(mode, material, known)
    return { choice, ...planPrefetch(choice, content, limits) }
  })
  const fetchAll = isStreamed ? fetchWhatThereIs : fetchRuns
  return {
    plan: planned.then(({ plan }) => plan),
    done: planned.then(({ runs }) => fetchAll(content, runs, limits.atOnce)),
  }
}
