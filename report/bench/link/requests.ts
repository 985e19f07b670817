/** What a request to a registry was for, judged by its path and range. Pure. */
import type { LinkRequest } from './messages.ts'

/** `whole`: a layer without a range, as in a full pull */
export type Purpose = 'resolve' | 'toc' | 'prefetch' | 'whole' | 'onDemand'

/** Where the zone and the table of contents of a layer are in its blob. */
export interface LayerOffsets {
  readonly digest: string
  readonly size: number
  /** 0: no zone */
  readonly zoneEnd: number
  /** the size: not an eStargz layer */
  readonly tocOffset: number
  /** where its table of contents is in another image: the ends of the paths that this is fetched from */
  readonly tocPaths?: readonly string[]
}

const pathOf = ({ path }: LinkRequest): string => decodeURIComponent(path.split('?')[0] ?? '')

/** Which bytes of which layer are requested, all of them without a range; undefined when it is not a layer. */
export function rangeOf(
  request: LinkRequest,
  layers: readonly LayerOffsets[],
): { readonly digest: string; readonly start: number; readonly end: number } | undefined {
  const digest = /\/blobs\/(sha256:[0-9a-f]{64})/.exec(pathOf(request))?.[1]
  const layer = layers.find((one) => one.digest === digest)
  if (digest === undefined || !layer) return undefined
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)/.exec(request.range ?? '') ?? []
  if (first === '') return { digest, start: last === '' ? 0 : layer.size - Number(last), end: layer.size }
  return { digest, start: Number(first), end: last === '' ? layer.size : Number(last) + 1 }
}

/** @param layers of the image that was pulled; any other request is for its manifest or config */
export function purposeOf(request: LinkRequest, layers: readonly LayerOffsets[]): Purpose {
  if (layers.some(({ tocPaths = [] }) => tocPaths.some((end) => pathOf(request).endsWith(end)))) return 'toc'
  const asked = rangeOf(request, layers)
  const layer = layers.find(({ digest }) => digest === asked?.digest)
  if (!asked || !layer) return 'resolve'
  if (request.range === undefined) return 'whole'
  // Snapshotters request whole blocks, so a table of contents may come with some bytes that precede it.
  if (asked.end > layer.tocOffset && layer.tocOffset < layer.size) return 'toc'
  return asked.start < layer.zoneEnd ? 'prefetch' : 'onDemand'
}

/** How many eStargz layers were fetched without a range. A HEAD has no range either, but fetches nothing. */
export const pulledWhole = (requests: readonly LinkRequest[], layers: readonly LayerOffsets[]): number =>
  layers.filter(
    ({ digest, tocOffset, size }) =>
      tocOffset < size &&
      requests.some(
        (request) =>
          request.range === undefined && request.bytes > 0 && rangeOf(request, layers)?.digest === digest,
      ),
  ).length

/** When the last request for a manifest or the config was answered. */
export const lastManifestEnd = (
  requests: readonly LinkRequest[],
  layers: readonly LayerOffsets[],
  startedAt: number,
): number =>
  requests
    .filter((request) => purposeOf(request, layers) === 'resolve')
    .reduce((latest, { endedAt }) => Math.max(latest, endedAt ?? startedAt), startedAt)

/** From the first request for a zone to the end of the last one, of those that began before `created`; undefined without any. */
export function zoneSpan(
  requests: readonly LinkRequest[],
  layers: readonly LayerOffsets[],
  created: number,
): { readonly from: number; readonly to: number } | undefined {
  const own = requests.filter(
    (request) => request.startedAt < created && purposeOf(request, layers) === 'prefetch',
  )
  if (own.length === 0) return undefined
  return {
    from: Math.min(...own.map(({ startedAt }) => startedAt)),
    to: Math.max(...own.map(({ endedAt }) => Math.min(endedAt ?? created, created))),
  }
}
