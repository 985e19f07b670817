/** What the facts of an image mean for a node that should pull it lazily: a sentence for each cause. Pure. */
import { TOC_DIGEST_ANNOTATION } from '../estargz/format/toc.ts'
import type { Transport } from '../location.ts'
import { DOCKER_MANIFEST } from '../media-types.ts'
import type { LayerFacts, LazyFacts } from './examine.ts'

export interface Finding {
  /** A node pulls these layers whole, or not at all; otherwise it is only worth knowing. */
  readonly prevents: boolean
  /** indexes, base first; empty: the image as a whole */
  readonly layers: readonly number[]
  /** what it is about the layers (or the image), and what to do; without a full stop */
  readonly sentence: string
}

/** @returns in the order of their weight; none that prevents: a node with a lazy snapshotter pulls the image lazily */
export function lazyFindings(facts: LazyFacts): Finding[] {
  const place = placeFinding(facts)
  return [...(place ? [place] : []), ...layerFindings(facts), ...zoneFindings(facts)]
}

export const wouldBeLazy = (findings: readonly Finding[]): boolean =>
  !findings.some(({ prevents }) => prevents)

const PLACES: Readonly<Partial<Record<Transport, string>>> = {
  oci: 'a layout',
  'oci-archive': 'an archive',
  'docker-archive': 'an archive',
}

function placeFinding({ transport, reference }: LazyFacts): Finding | undefined {
  if (transport === 'docker-daemon')
    return {
      prevents: true,
      layers: [],
      sentence: `it is in the Docker engine, and nodes pull from a registry: push it, and ask about docker://${reference.replace('docker-daemon:', '')}`,
    }
  const place = PLACES[transport]
  if (place === undefined) return undefined
  const sentence = `it is in ${place}, so how its registry answers requests for ranges is not checked`
  return { prevents: false, layers: [], sentence }
}

/** The first that is so of a layer is said of it. */
function layerFindings(facts: LazyFacts): Finding[] {
  const causes = new Map<string, { prevents: boolean; layers: number[] }>()
  for (const [index, layer] of facts.layers.entries()) {
    const cause = preventing(layer, facts.mediaType) ?? note(layer)
    if (cause === undefined) continue
    const known = causes.get(cause.sentence)
    if (known) known.layers.push(index)
    else causes.set(cause.sentence, { prevents: cause.prevents, layers: [index] })
  }
  const findings = [...causes].map(([sentence, rest]) => ({ sentence, ...rest }))
  return [...findings.filter(({ prevents }) => prevents), ...findings.filter(({ prevents }) => !prevents)]
}

type Cause = Pick<Finding, 'sentence' | 'prevents'>
const prevents = (sentence: string): Cause => ({ prevents: true, sentence })

function preventing(layer: LayerFacts, manifestType: string | undefined): Cause | undefined {
  if (layer.fault !== undefined) return prevents(layer.fault)
  const registry = registryCause(layer)
  if (registry) return registry
  const { format, annotated } = layer
  if (format === 'foreign')
    return prevents(
      "its bytes aren't in the registry (a foreign layer), so nodes fetch it whole from elsewhere",
    )
  if (format === 'gzip' || format === 'zstd' || format === 'tar')
    return prevents(
      `plain ${format}, without a table of contents: nodes pull it whole; convert the image with headstart optimize`,
    )
  if (isEstargz(layer) && !annotated)
    return prevents(
      manifestType === DOCKER_MANIFEST
        ? "the manifest is Docker's, which has no place for the digest of a table of contents, and nodes mount nothing that they can't verify: push the image with OCI media types"
        : `the manifest has no ${TOC_DIGEST_ANNOTATION} for it, and nodes mount nothing that they can't verify: push it with its annotations`,
    )
  return undefined
}

function registryCause({ ranges }: LayerFacts): Cause | undefined {
  if (ranges === undefined) return undefined
  const { host, status, isRight, redirects } = ranges
  if (status === 200)
    return prevents(`${host} ignores requests for ranges and sends it whole (200 instead of 206)`)
  if (!isRight)
    return prevents(`${host} answers a request for a range without saying which bytes of how many it sends`)
  // It asks where the blob is once, and then there: github.com/containerd/stargz-snapshotter, fs/remote/resolver.go.
  if (redirects > 1)
    return prevents(`its registry redirects ${redirects} times; the stargz snapshotter follows one redirect`)
  return undefined
}

const isEstargz = ({ format }: LayerFacts): boolean =>
  format === 'estargz' || format === 'estargz+external-toc'

function note({ format, annotated }: LayerFacts): Cause | undefined {
  if (format === 'estargz+external-toc')
    return {
      prevents: false,
      sentence:
        'its table of contents is in the image whose tag ends in -esgztoc: the stargz snapshotter (0.13 or later) finds it there if the image is pulled by its tag, not by its digest',
    }
  if (format !== 'zstd:chunked') return undefined
  return {
    prevents: false,
    sentence: annotated
      ? 'zstd:chunked: the stargz snapshotter mounts it; podman and CRI-O pull it whole'
      : 'zstd:chunked: podman and CRI-O fetch only what they lack; the stargz snapshotter pulls it whole',
  }
}

function zoneFindings({ layers }: LazyFacts): Finding[] {
  const estargz = [...layers.entries()].filter(([, layer]) => isEstargz(layer) && !layer.fault)
  const without = estargz.filter(([, { landmark }]) => landmark === 'absent').map(([index]) => index)
  const findings: Finding[] = []
  if (without.length > 0)
    findings.push({
      prevents: false,
      layers: without,
      sentence: 'no prioritized zone: nothing in it is prefetched, unless the node sets a prefetch size',
    })
  if (estargz.length > 0 && estargz.every(([, { landmark }]) => landmark === 'no-prefetch'))
    findings.push({
      prevents: false,
      layers: [],
      sentence:
        'nothing in it is prefetched, so everything its start reads is fetched on demand: optimize it with a trace',
    })
  return findings
}
