/**
 * headstart as a library: read a trace, plan, rebuild, verify, and open the images for it. docs/library.md shows it at work.
 *
 * It needs no root and prints nothing. What a caller can act on is a `HeadstartError`: a stable `code`, a message of one line without
 * secrets, and often a `hint`. Whatever is opened is an `AsyncDisposable`.
 */
import './system/node-22.ts'
import { startupOf } from './cli/startup.ts'
import { openSource as openSourceAt } from './image/sources.ts'
import { openTarget as openTargetAt } from './image/targets.ts'
import type { Image, ImageSource, ImageTarget } from './image/types.ts'
import { type Problem, verifyImage } from './image/verify.ts'
import type { OptimizeOptions } from './optimizer/options.ts'
import type { Plan } from './optimizer/plan/plan.ts'
import {
  planRebuild,
  type RebuildProgress,
  type RebuildSummary,
  rebuildImage,
} from './optimizer/rebuild/image.ts'
import { prepareTarget } from './optimizer/rebuild/toc-image.ts'
import type { Trace } from './tracer/trace/file.ts'

export type {
  Blob,
  Descriptor,
  Digest,
  Image,
  ImageConfig,
  ImageIndex,
  ImageSource,
  ImageTarget,
  Layer,
  Manifest,
  Platform,
} from './image/types.ts'
export type { Problem } from './image/verify.ts'
export { DEFAULT_OPTIONS, type NetworkModel, type OptimizeOptions } from './optimizer/options.ts'
export type { Decision, Placement, Plan } from './optimizer/plan/plan.ts'
export type { LayerSummary, RebuildProgress, RebuildSummary } from './optimizer/rebuild/image.ts'
export { type ErrorCode, HeadstartError } from './system/errors.ts'
export { readTrace, type Trace, type TraceFile } from './tracer/trace/file.ts'

/** How registries are reached, and what stops it. */
export interface OpenOptions {
  /** plain HTTP and untrusted certificates are accepted from all registries, not only from those on the loopback */
  readonly insecure?: boolean | undefined
  /** PEM file of certificate authorities for registries */
  readonly caFile?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens what images are read from. Logins are those of `docker login`. `image()` of it is the host's platform, or the one that is given.
 * @param reference `registry.example/web:1` (the Docker engine's if it has it, else the registry's), `docker://NAME`,
 * `docker-daemon:NAME`, `oci:FOLDER[:TAG]`, `oci-archive:FILE[:TAG]` or `docker-archive:FILE[:NAME]`
 * @throws HeadstartError E_REFERENCE, E_IMAGE_NOT_FOUND, E_ENGINE, …
 */
export const openSource = (reference: string, options: OpenOptions = {}): Promise<ImageSource> =>
  openSourceAt(reference, options)

/**
 * Opens where an image is written to; nothing is written before `rebuild`.
 * @param reference as for `openSource`; a name without a transport means a registry
 * @throws HeadstartError E_REFERENCE, E_TARGET
 */
export const openTarget = (reference: string, options: OpenOptions = {}): Promise<ImageTarget> =>
  openTargetAt(reference, options)

export interface PlanRequest {
  readonly image: Image
  /** of a start of this image or of an older build of it: files are found by path. Without one nothing is prefetched */
  readonly trace?: Trace | undefined
  /** what is not given is as in `DEFAULT_OPTIONS` */
  readonly options?: Partial<OptimizeOptions> | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined
}

/**
 * Where a rebuild would put each file of the start, and why. Every layer is read and compressed for it, since files are weighed
 * by their compressed size; nothing is written but temporary files, as large as the image unpacked.
 * @throws HeadstartError E_OPTION, E_TAR, E_DIGEST, E_COMPRESSION, E_ESTARGZ, E_COVERAGE, and what the source throws
 */
export const plan = (request: PlanRequest): Promise<Plan> => planRebuild({ ...request, ...startIn(request) })

export interface RebuildRequest extends PlanRequest {
  readonly target: ImageTarget
  /** overwrite what the target's name stands for; false unless told */
  readonly replace?: boolean | undefined
}

/**
 * Writes the image as eStargz, startup files first; the manifest goes last, so that the target has the whole image or none.
 * @throws HeadstartError E_TARGET_EXISTS, E_TARGET, what `plan` throws, and what the target throws
 */
export async function rebuild({ replace = false, ...request }: RebuildRequest): Promise<RebuildSummary> {
  await prepareTarget(request.target, request.options ?? {}, { force: replace })
  return rebuildImage({ ...request, ...startIn(request) })
}

const startIn = ({ trace }: PlanRequest) => ({
  startup: trace ? startupOf(trace) : [],
  recorded: trace?.image.diffIds,
})

/**
 * Checks every byte of an image against its digests, tables of contents and landmarks.
 * @returns what is wrong, in the order of the layers; empty when the image is sound
 * @throws what the source throws
 */
export const verify = (
  image: Image,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Problem[]> => verifyImage(image, { signal })
