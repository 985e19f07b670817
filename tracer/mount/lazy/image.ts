/** Opens an image for lazy reading: tables of contents first, then the prioritized zones, counting what is fetched and why. */

import { TOC_DIGEST_ANNOTATION } from '../../../image/estargz/format/toc.ts'
import { type ExternalToc, openEstargz, type RangeFetch } from '../../../image/estargz/read/reader.ts'
import { fetchFrom } from '../../../image/layers/estargz.ts'
import { parsePlatform } from '../../../image/platform.ts'
import { openSource } from '../../../image/sources.ts'
import type { Layer } from '../../../image/types.ts'
import { monotonicMs } from '../../../system/clock.ts'
import { HeadstartError } from '../../../system/errors.ts'
import type { FileSystem } from '../file-system.ts'
import type { Counters, LazySummary, PrefetchPlan, TreeSpec } from '../messages.ts'
import { createContentCache } from './cache.ts'
import { LazyContent } from './content.ts'
import { createLazyFileSystem } from './file-system.ts'

export interface LazyImage {
  readonly fileSystem: FileSystem
  readonly summary: LazySummary
  counters(): Counters
  prefetchPlan(): Promise<PrefetchPlan>
  /** The container starts now. */
  begin(): void
}

type Kind = Exclude<keyof Counters, 'cached'>

/** This many bytes at a blob's end usually include the table of contents along with the footer. */
const TAIL_BYTES = 128 << 10

/**
 * Resolves once the prioritized zones are fetched, if that is asked for.
 * @throws HeadstartError E_NOT_ESTARGZ: a layer that can't be read lazily, and what opening the image throws
 */
export async function openLazyImage(spec: Extract<TreeSpec, { kind: 'lazy' }>): Promise<LazyImage> {
  const counters: Counters = {
    toc: noTraffic(),
    prefetch: noTraffic(),
    onDemand: noTraffic(),
    background: noTraffic(),
    cached: 0,
  }
  const startedAt = monotonicMs()
  const source = await openSource(spec.reference, {
    insecure: spec.insecure,
    ...(spec.caFile !== undefined && { caFile: spec.caFile }),
  })
  const image = await source.image(spec.platform === undefined ? undefined : parsePlatform(spec.platform))
  const resolvedAt = monotonicMs()
  const layers = await Promise.all(
    image.layers.map(async (layer, index) => ({
      estargz: await openLayer(layer, counters, `layer ${index + 1} of ${image.layers.length}`),
      fetch: counted(layer, counters, 'onDemand'),
    })),
  )
  const tocsAt = monotonicMs()
  const cache = await createContentCache(spec.cacheFolder, spec)
  const content = new LazyContent(layers, cache)
  const zones =
    spec.prefetch === 'none'
      ? undefined
      : content.prefetch(image.layers.map((layer) => counted(layer, counters, 'prefetch')))
  if (spec.prefetch === 'zone') await zones
  zones?.catch(() => {}) // whoever reads what it lacks fetches that, and hears why it can't be
  const fileSystem = createLazyFileSystem(layers, content)
  return {
    fileSystem,
    counters: () => counters,
    prefetchPlan: async () => ({
      by: zones ? 'zone' : 'nothing',
      profiles: [],
      bytes: layers.reduce((sum, { estargz }) => sum + (zones ? estargz.zoneEnd : 0), 0),
      requests: zones ? layers.filter(({ estargz }) => estargz.zoneEnd > 0).length : 0,
      notes: [],
    }),
    begin() {},
    summary: {
      reference: image.reference,
      rawManifest: Buffer.from(image.rawManifest).toString('base64'),
      rawConfig: Buffer.from(image.rawConfig).toString('base64'),
      resolveMs: resolvedAt - startedAt,
      tocMs: tocsAt - resolvedAt,
      prefetchMs: monotonicMs() - tocsAt,
      zoneBytes: layers.map(({ estargz }) => estargz.zoneEnd),
    },
  }
}

const noTraffic = () => ({ requests: 0, bytes: 0 })

async function openLayer(layer: Layer, counters: Counters, where: string) {
  const { size, annotations } = layer.descriptor
  const tocDigest = annotations?.[TOC_DIGEST_ANNOTATION]
  if (tocDigest === undefined)
    throw new HeadstartError('E_NOT_ESTARGZ', `${where} can't be read lazily: it is not an eStargz layer`, {
      hint: 'Convert the image with: headstart optimize',
    })
  const externalToc = layer.externalToc && countedToc(layer.externalToc, counters)
  return openEstargz(size, tailFirst(size, counted(layer, counters, 'toc')), { tocDigest, externalToc })
}

function countedToc(toc: ExternalToc, { toc: counter }: Counters): ExternalToc {
  return async (signal) => {
    counter.requests++
    const bytes = await toc(signal)
    counter.bytes += bytes.length
    return bytes
  }
}

/** Answers the requests for a blob's end from one larger one. */
function tailFirst(size: number, fetch: RangeFetch): RangeFetch {
  const tailStart = Math.max(0, size - TAIL_BYTES)
  let tail: Promise<Buffer> | undefined
  return async ({ start, end }, signal) => {
    tail ??= fetch({ start: tailStart, end: size }, signal)
    const known = await tail
    if (start >= tailStart) return known.subarray(start - tailStart, end - tailStart)
    if (end <= tailStart) return fetch({ start, end }, signal)
    const rest = await fetch({ start, end: tailStart }, signal)
    return Buffer.concat([rest, known.subarray(0, end - tailStart)])
  }
}

function counted(layer: Layer, counters: Counters, kind: Kind): RangeFetch {
  const fetch = fetchFrom(layer)
  return async (range, signal) => {
    counters[kind].requests++
    const bytes = await fetch(range, signal)
    counters[kind].bytes += bytes.length
    return bytes
  }
}
