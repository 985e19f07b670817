/** What `optimize` prints at its end: layers, bytes before and after, the zone, and what of the trace was not found. */
import { UNCOMPRESSED_SIZE_ANNOTATION } from '../../image/estargz/format/toc.ts'
import type { PutTocImage } from '../../image/layers/external-toc.ts'
import type { Descriptor, Digest } from '../../image/types.ts'
import type { Decision, Plan } from '../../optimizer/plan/plan.ts'
import type { PredictedStart } from '../../optimizer/plan/predict.ts'
import type { StartupFile } from '../../optimizer/plan/startup.ts'
import type { RebuildSummary } from '../../optimizer/rebuild/image.ts'
import type { RebuiltImage } from '../../optimizer/rebuild/image-index.ts'
import { isUnpacked } from '../../optimizer/rebuild/layer-bytes.ts'
import type { LayerSummary } from '../../optimizer/rebuild/layer-summary.ts'
import type { AttachedTrace } from '../../tracer/trace/artifact.ts'
import type { Trace } from '../../tracer/trace/file.ts'
import { isTraceOf } from '../../tracer/trace/fitting.ts'
import { bytes, counted, duration, type Output, percent, table, thousands } from './output.ts'
import { zoneFilesText } from './zone-files.ts'

/** `platform` is given where there are several. */
export type Rebuilt = Pick<RebuiltImage, 'image' | 'summary'> & { readonly platform?: string }

/** What it was made of, and where it went. */
interface Origin {
  readonly trace: Trace | undefined
  /** attached to another image, which was asked for by name */
  readonly borrowed?: readonly unknown[]
  readonly startup: readonly StartupFile[]
  /** attached ones that were used */
  readonly profiles?: readonly AttachedTrace[]
  readonly target: string
  /** the index that they are all in, and which has the target's name */
  readonly index?: Digest | undefined
}

export function printRebuilt(
  { image, summary, platform }: Rebuilt,
  { trace, borrowed = [], profiles = [], startup, target, index }: Origin,
  { json, explain }: { readonly json: boolean; readonly explain: boolean },
  output: Output,
): void {
  const files = thousands(startup.length)
  const found = thousands(startup.length - summary.plan.missing.length)
  if (platform !== undefined) output.note(`${platform}: it has ${found} of the ${files} files in the trace`)
  else if (borrowed.length > 0)
    output.note(
      `${found} of the ${files} files in the profile are in this image: it covers ${percent(summary.plan.coverage)} of the recorded start`,
    )
  else if (trace && !isTraceOf(trace, image)) {
    // What a build after the recorded one is, and nothing to worry about while nothing is missing.
    if (summary.plan.missing.length === 0)
      output.note(`the trace is of another image: this one has all ${files} of its files`)
    else
      output.warn(
        `the trace is of another image: ${found} of its ${files} files are in this one, and cover ${percent(summary.plan.coverage)} of the recorded start`,
      )
  }
  for (const note of summary.notes) output.warn(platform === undefined ? note : `${platform}: ${note}`)
  if (explain && !json) output.result(explanation(summary.plan))
  output.result(json ? summaryJson(summary, { platform, index, profiles }) : optimizeSummary(summary, target))
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** In which form a layer's sizes before and after are compared. */
interface Sizes {
  readonly heads: readonly string[]
  /** a cell for each head; given all layers, their sums */
  of(layers: readonly LayerSummary[]): readonly string[]
}

const sized = (descriptors: readonly Descriptor[]): string => bytes(sum(descriptors.map(({ size }) => size)))

const AS_STORED: Sizes = {
  heads: ['before', 'after'],
  of: (layers) => [sized(layers.map(({ source }) => source)), sized(layers.map(({ result }) => result))],
}

/** An engine keeps layers unpacked: what they would be compressed is not known, but what the new ones are unpacked is. */
const UNPACKED: Sizes = {
  heads: ['before, unpacked', 'after, unpacked', 'compressed'],
  of: (layers) => [
    sized(layers.map(({ source }) => source)),
    bytes(sum(layers.map(({ result }) => unpackedSize(result)))),
    sized(layers.map(({ result }) => result)),
  ],
}

const unpackedSize = (layer: Descriptor): number =>
  isUnpacked(layer) ? layer.size : Number(layer.annotations?.[UNCOMPRESSED_SIZE_ANNOTATION] ?? Number.NaN)

/** Unpacked sizes are compared where the image came like that. */
function sizesOf(layers: readonly LayerSummary[]): Sizes {
  const areUnpacked = layers.length > 0 && layers.every(({ source }) => isUnpacked(source))
  return areUnpacked && layers.every(({ result }) => unpackedSize(result) >= 0) ? UNPACKED : AS_STORED
}

export function optimizeSummary(
  { layers, plan, manifest, tocImage, start }: RebuildSummary,
  target: string,
): string[] {
  const sizes = sizesOf(layers)
  const rows = layers.map((layer, index) => [
    `${index + 1} ${layer.how}`,
    ...sizes.of([layer]),
    bytes(layer.zoneBytes),
    percent(layer.zoneBytes / layer.result.size),
    zoneFilesText(layer),
  ])
  const [after, zone] = [
    sum(layers.map((layer) => layer.result.size)),
    sum(layers.map((layer) => layer.zoneBytes)),
  ]
  const files = zoneFilesText({
    zoneFiles: sum(layers.map(({ zoneFiles }) => zoneFiles)),
    splitFiles: sum(layers.map(({ splitFiles }) => splitFiles)),
  })
  rows.push(['all', ...sizes.of(layers), bytes(zone), percent(zone / after), files])
  return [
    ...table(['layer', ...sizes.heads, 'zone', 'share', 'files in it'], rows),
    prefetched(plan),
    ...unchangedLine(layers),
    ...layers.flatMap(({ why }, index) =>
      why === undefined ? [] : [`layer ${index + 1} was reconverted: ${why}`],
    ),
    predicted(start),
    ...missingLines(plan),
    ...(tocImage ? [tocImageLine(tocImage)] : []),
    `${target}@${manifest.digest}`,
  ]
}

function unchangedLine(layers: readonly LayerSummary[]): string[] {
  const { length } = layers.filter(({ how }) => how === 'unchanged')
  if (length === 0) return []
  const [are, were] = length === 1 ? ['is', 'was'] : ['are', 'were']
  return [
    `${length} of ${layers.length} layers ${are} as an earlier build made ${length === 1 ? 'it' : 'them'}, and ${were} neither read nor compressed again`,
  ]
}

export const tocImageLine = ({ name, digest }: PutTocImage): string =>
  `the tables of contents are in ${name}@${digest}: wherever the image goes, that one has to go, too`

const isPrefetched = ({ placement }: Decision): boolean => placement === 'zone' || placement === 'ranges'

function prefetched(plan: Plan): string {
  const { length } = plan.decisions
  if (length === 0) return 'no file is prefetched'
  const inZone = plan.decisions.filter(isPrefetched).length
  return `${thousands(inZone)} of ${thousands(length)} files of the start are prefetched${inPart(plan)}${notPrefetched(plan)}`
}

const predicted = ({ bytes: few, fullBytes, ms, fullMs }: PredictedStart): string =>
  `by the model a start fetches ${bytes(few)} of ${bytes(fullBytes)}, which takes ${duration(ms)}; pulled whole ${duration(fullMs)}`

function inPart({ decisions }: Plan): string {
  const split = decisions.filter(({ placement }) => placement === 'ranges')
  if (split.length === 0) return ''
  const ahead = bytes(sum(split.map((each) => each.split?.bytes ?? 0)))
  return `, ${thousands(split.length)} of them in part: ${ahead} of ${bytes(sum(split.map((each) => each.bytes)))}`
}

/** How many files are not prefetched, reason by reason. */
function notPrefetched({ decisions }: Plan): string {
  const byReason = Map.groupBy(
    decisions.filter((each) => !isPrefetched(each)),
    ({ reason }) => reason,
  )
  if (byReason.size === 0) return ''
  const reasons = [...byReason].map(([reason, { length }]) => `${thousands(length)} ${reason}`)
  return `; not prefetched: ${reasons.join('; ')} (--explain lists them)`
}

const SHOWN = 5

function missingLines({ missing }: Plan): string[] {
  if (missing.length === 0) return []
  const names = missing.slice(0, SHOWN).map((each) => each.path)
  const more = missing.length > SHOWN ? ` and ${thousands(missing.length - SHOWN)} more` : ''
  return [
    `${counted(missing.length, 'file')} of the trace ${missing.length === 1 ? 'is' : 'are'} not in the image: ${names.join(', ')}${more}`,
  ]
}

/** A line for each file: where it was put, what it costs prefetched and on demand, and why. */
export const explanation = ({ decisions }: Plan): string[] =>
  table(
    ['file', 'placement', 'bytes', 'prefetched', 'on demand', 'saved', 'why'],
    decisions.map((each) => [
      each.path,
      each.placement,
      bytes(each.split?.bytes ?? each.bytes),
      duration(prefetchMs(each)),
      duration(each.onDemandMs),
      duration(Math.abs(each.onDemandMs - prefetchMs(each))),
      `${each.reason}${splitText(each)}`,
    ]),
    [0, 1, 6],
  )

const prefetchMs = ({ split, ...costs }: Decision): number => split?.ms ?? costs.prefetchMs

function splitText({ split, bytes: whole }: Decision): string {
  if (split === undefined) return ''
  const { ranges, chunks } = split
  return `: ${counted(ranges.length, 'range')} of ${bytes(whole)}, in ${counted(chunks, 'chunk')}`
}

/** What is known of an image besides its rebuild. */
interface Around {
  /** given where there are several images, a line each */
  readonly platform?: string | undefined
  readonly index?: Digest | undefined
  readonly profiles?: readonly AttachedTrace[]
}

export const summaryJson = (
  { manifest, tocImage, layers, plan, start }: RebuildSummary,
  { platform, index, profiles = [] }: Around = {},
): string =>
  JSON.stringify({
    platform,
    digest: manifest.digest,
    index,
    ...(tocImage && { tocImage: { name: tocImage.name, digest: tocImage.digest } }),
    layers: layers.map(({ source, result, ...rest }) => ({
      ...rest,
      source: source.digest,
      sourceSize: source.size,
      digest: result.digest,
      size: result.size,
    })),
    decisions: plan.decisions,
    missing: plan.missing,
    coverage: plan.coverage,
    start,
    profiles: profiles.map(({ name, digest, created }) => ({
      name,
      digest,
      created: created?.toISOString(),
    })),
  })
