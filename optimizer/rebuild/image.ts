/**
 * Image in, eStargz image out: every layer read and compressed at once, the plan made over all of them, each layer written in its
 * new order and sent, config and manifest last.
 */
import { bytesBlob } from '../../image/blob.ts'
import { digestOf } from '../../image/digest.ts'
import { FORMATS } from '../../image/estargz/format/formats.ts'
import { giveTag, type Untagged } from '../../image/layers/external-toc.ts'
import { isForeign, OCI_CONFIG, OCI_MANIFEST } from '../../image/media-types.ts'
import type { Image, ImageTarget } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import { mapLimit } from '../../system/map-limit.ts'
import { keepYoungSmall } from '../../system/minor-gc.ts'
import { createWorkspace, type Workspace } from '../../system/workspace.ts'
import { createPool, type Pool } from '../compress/pool.ts'
import { type KnownLayers, knownLayers, type LayerMemory } from '../known/known-layers.ts'
import { checkOptions, DEFAULT_OPTIONS, type NetworkModel, type OptimizeOptions } from '../options.ts'
import { chunkSizes } from '../plan/chunking.ts'
import { type Plan, planImage } from '../plan/plan.ts'
import { type PredictedStart, predictStart } from '../plan/predict.ts'
import type { StartupFile } from '../plan/startup.ts'
import { LayerJob, type LayerJobOptions } from './layer.ts'
import { layerBytes } from './layer-bytes.ts'
import type { LayerSummary, Stage, Written } from './layer-summary.ts'
import { checkLimits, type Limits } from './limits.ts'
import { resolveLinks } from './lower-links.ts'
import { configWith, historyNote, manifestWith } from './manifest.ts'
import { type LayerRead, planLayerOf } from './read-layer.ts'
import { type TocImageWriter, tocImageWriter } from './toc-image.ts'

export type { LayerSummary } from './layer-summary.ts'

export interface PlanRequest {
  readonly image: Image
  /** in the order of the first access; empty: every layer gets `.no.prefetch.landmark` */
  readonly startup: readonly StartupFile[]
  /** diffIDs of the image whose start it is, where that may be another one */
  readonly recorded?: readonly string[] | undefined
  /** What is given here is what comes out: a layer with another format is reconverted; it may keep what is not given. */
  readonly options?: Partial<OptimizeOptions> | undefined
  /** for spools: as large as the image unpacked; one is made, and removed, when none is given */
  readonly workspace?: Workspace | undefined
  /** for several images one after the other; one is made, and closed, when none is given */
  readonly pool?: Pool | undefined
  /** where it is kept what earlier rebuilds learned of layers; without, all are read */
  readonly memory?: LayerMemory | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined
}

export interface RebuildRequest extends PlanRequest {
  /** of what may be made; none unless told */
  readonly limits?: Limits | undefined
  /** prepared by the caller */
  readonly target: ImageTarget
  /** false: it is put without a name, for an index, or for `giveTag` once all that is attached to it is there, too; true unless told */
  readonly tagged?: boolean | undefined
  /** of an index, whose images have one together; one is made, and put, when none is given and the format needs it */
  readonly tocs?: TocImageWriter | undefined
}

export interface RebuildProgress {
  /** index, base first */
  readonly layer: number
  readonly layers: number
  readonly stage: Stage
  /** uncompressed bytes read; bytes of the blob when it is sent */
  readonly bytes: number
}

export interface RebuildSummary extends Untagged {
  readonly layers: readonly LayerSummary[]
  readonly plan: Plan
  readonly start: PredictedStart
  /** what of the image was left out or doesn't fit, a line each, for people */
  readonly notes: readonly string[]
}

/** Two layers at once: while one waits for the disk or the network the other compresses. */
const LAYERS_AT_ONCE = 2

/**
 * What a rebuild would put where, and why: everything is read and compressed for it, and nothing written.
 * @throws HeadstartError as `rebuildImage`
 */
export async function planRebuild(request: PlanRequest): Promise<Plan> {
  await using own = new AsyncDisposableStack()
  return (await readImage(request, own)).plan
}

/**
 * @throws HeadstartError E_OPTION, E_TAR, E_DIGEST, E_COMPRESSION, E_ESTARGZ, E_COVERAGE, E_EXCEEDED, and what source and target throw
 */
export async function rebuildImage(request: RebuildRequest): Promise<RebuildSummary> {
  const { image, target } = request
  await using own = new AsyncDisposableStack()
  const format = request.options?.format ?? DEFAULT_OPTIONS.format
  const ownTocs = request.tocs ? undefined : tocImageWriter(target, format)
  const tocs = request.tocs ?? ownTocs
  const { jobs, layersRead, plan, signal } = await readImage(request, own)
  const layers = await mapLimit(jobs, LAYERS_AT_ONCE, signal, async (job, index, either) => {
    const [read, moves] = [layersRead[index], plan.layers[index]]
    if (read === undefined || moves === undefined) throw new Error('a layer was lost')
    return job.write(read, moves, { target, tocs, signal: either })
  })
  const summaries = layers.map(({ summary }) => summary)
  checkLimits(summaries, request.limits ?? {})
  const tocImage = await ownTocs?.finish(image.config.platform, signal)
  const { notes, ...put } = await finish(request, layers, signal)
  if (request.tagged ?? true) await giveTag(target, { ...put, tocImage }, signal)
  const ofLayers = summaries.flatMap(({ notes: lines = [] }, index) =>
    lines.map((line) => `layer ${index + 1}: ${line}`),
  )
  return {
    ...put,
    tocImage,
    layers: summaries,
    plan,
    start: startOf(summaries, layersRead, plan, request.options?.network),
    notes: [...ofLayers, ...notes, ...historyNote(image)],
  }
}

/** Every layer read and compressed, and the plan over all of them. @param own what was opened for it */
async function readImage(request: PlanRequest, own: AsyncDisposableStack) {
  const signal = request.signal ?? new AbortController().signal
  signal.throwIfAborted()
  keepYoungSmall()
  const { image, startup } = request
  const options = { ...DEFAULT_OPTIONS, ...request.options }
  checkOptions(options, image.layers.length)
  checkRanges(startup, options)
  const workspace = request.workspace ?? own.use(await createWorkspace())
  const pool = request.pool ?? own.use(createPool({ threads: options.threads, signal }))
  const chunkSizeOf = chunkSizes(startup, options)
  const shared: LayerJobOptions = {
    options,
    given: request.options ?? {},
    chunkSizeOf,
    pool,
    known: knownOf(request, options),
    folder: await workspace.sub('optimize'),
    onProgress: (layer, stage, bytes) =>
      request.onProgress?.({ layer, layers: image.layers.length, stage, bytes }),
  }
  const jobs = image.layers.map((layer, index) => own.use(new LayerJob(layer, index, shared)))
  const unlinked = await mapLimit(jobs, LAYERS_AT_ONCE, signal, (job, _, either) => job.read(either))
  const layersRead = await resolveLinks(unlinked, { sources: image.layers, signal })
  const moving = options.keepDiffId
    ? { startup: [], options: { ...options, include: [] } }
    : { startup, options }
  const areShared = sharedLayers(request)
  const plan = planImage(
    layersRead.map((layer, index) => planLayerOf(layer, chunkSizeOf, areShared[index] ?? false)),
    moving.startup,
    moving.options,
  )
  checkCoverage(plan, moving.startup.length, options.minCoverage)
  return { jobs, layersRead, plan, signal }
}

/** Config and manifest, once all layers are there; without a name. */
async function finish(
  { image, target }: RebuildRequest,
  layers: readonly Written[],
  signal: AbortSignal,
): Promise<Pick<RebuildSummary, 'manifest' | 'rawManifest' | 'notes'>> {
  const config = configWith(
    image.rawConfig,
    layers.map(({ diffId }) => diffId),
  )
  const descriptor = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length }
  await target.putBlob(bytesBlob(descriptor, config), signal)
  const { digest, size } = descriptor
  const results = layers.map(({ summary }) => summary.result)
  const { bytes, notes } = manifestWith(image.rawManifest, { digest, size }, results)
  signal.throwIfAborted()
  const manifest = await target.putManifest(bytes, OCI_MANIFEST, { tagged: false })
  return { manifest, rawManifest: bytes, notes }
}

function checkRanges(startup: readonly StartupFile[], { split }: OptimizeOptions): void {
  const read = startup.filter((file) => file.read)
  if (split === 'off' || read.length === 0 || read.some(({ ranges }) => ranges.length > 0)) return
  throw new HeadstartError('E_OPTION', 'the trace has no byte ranges, which --split needs', {
    hint: 'Record the start: headstart profile',
  })
}

/** Layer by layer: whether the image that was recorded has it. Of that image itself, none counts as shared. */
function sharedLayers({ image, recorded = [] }: PlanRequest): boolean[] {
  const { diffIds } = image.config
  if (recorded.join() === diffIds.join()) return []
  const known = new Set(recorded)
  return diffIds.map((diffId) => known.has(diffId))
}

function startOf(
  summaries: readonly LayerSummary[],
  layersRead: readonly LayerRead[],
  { decisions }: Plan,
  network: NetworkModel = DEFAULT_OPTIONS.network,
): PredictedStart {
  const layers = summaries.map((summary, index) => ({
    ...layerBytes(summary),
    content: (layersRead[index]?.entries ?? []).reduce((total, { size }) => total + size, 0),
    zoneBytes: summary.zoneBytes,
    tocBytes: summary.tocBytes,
  }))
  return predictStart(layers, decisions, network)
}

function checkCoverage({ coverage, missing }: Plan, files: number, least: number | undefined): void {
  if (least === undefined || files === 0 || (missing.length < files && coverage >= least)) return
  const share = (part: number): string => `${Math.round(part * 100)} %`
  throw new HeadstartError(
    'E_COVERAGE',
    `the image has ${files - missing.length} of the ${files} files that the start touched, which cover ${share(coverage)} of it: ${least > 0 ? `at least ${share(least)}` : 'at least one file'} is required`,
    { hint: 'Record the start again, with this image: headstart profile' },
  )
}

/**
 * Not of layers with a table of contents elsewhere, which would have to be sent, too; nor above a foreign layer, since where a link into that
 * one leads isn't known.
 */
function knownOf({ memory, image, startup }: PlanRequest, options: OptimizeOptions): KnownLayers | undefined {
  if (!memory || options.keepDiffId || FORMATS[options.format].tocPlace === 'external') return undefined
  if (image.layers.some(({ descriptor }) => isForeign(descriptor.mediaType))) return undefined
  return knownLayers(memory, { options, startup })
}
