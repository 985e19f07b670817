/**
 * Every image of an index rebuilt, in the index's order. What is no image (attestations, other artifacts) is copied byte for byte;
 * the index goes last.
 */
import { z } from 'zod'
import { copyManifest } from '../image/copy.ts'
import { HeadstartError } from '../image/errors.ts'
import { isManifestType, OCI_INDEX } from '../image/media-types.ts'
import { formatPlatform } from '../image/platform.ts'
import type { Descriptor, Image, ImageIndex, ImageSource, ImageTarget, Platform } from '../image/types.ts'
import type { Workspace } from '../image/workspace.ts'
import { createPool, type Pool } from './compress/pool.ts'
import type { OptimizeOptions } from './options.ts'
import { type RebuildProgress, type RebuildSummary, rebuildImage } from './rebuild.ts'
import type { StartupFile } from './startup.ts'

export interface RebuildIndexRequest {
  readonly source: ImageSource
  readonly index: ImageIndex
  /** prepared by the caller */
  readonly target: ImageTarget
  /** as recorded on one of the platforms; the others are matched by path */
  readonly startup: readonly StartupFile[]
  /** what was recorded; `minCoverage` is asked of this one alone */
  readonly profiled: Platform
  readonly options: Partial<OptimizeOptions>
  readonly workspace?: Workspace | undefined
  readonly signal?: AbortSignal | undefined
  readonly onImage?: ((platform: string) => void) | undefined
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined
}

export interface RebuiltImage {
  readonly platform: string
  readonly image: Image
  readonly summary: RebuildSummary
}

export interface RebuildIndexSummary {
  readonly index: Descriptor
  readonly images: readonly RebuiltImage[]
}

const indexSchema = z.looseObject({ manifests: z.array(z.looseObject({})) })

/** @throws HeadstartError as `rebuildImage` */
export async function rebuildIndex(request: RebuildIndexRequest): Promise<RebuildIndexSummary> {
  const { source, index, target, signal } = request
  const raw = indexSchema.parse(JSON.parse(Buffer.from(index.rawIndex).toString('utf8')))
  const images: RebuiltImage[] = []
  const manifests: object[] = []
  await using pool = createPool({ threads: request.options.threads, signal })
  for (const [place, descriptor] of index.manifests.entries()) {
    signal?.throwIfAborted()
    const entry = raw.manifests[place]
    if (entry === undefined)
      throw new HeadstartError('E_MANIFEST', `${source.name}: the index lost a manifest`)
    if (!isImage(descriptor)) {
      await copyManifest(source, descriptor, target, { signal })
      manifests.push(entry)
      continue
    }
    const rebuilt = await rebuildOne({ ...request, pool }, descriptor.platform)
    images.push(rebuilt)
    const { mediaType, digest, size } = rebuilt.summary.manifest
    manifests.push({ ...entry, mediaType, digest, size })
  }
  const bytes = Buffer.from(JSON.stringify({ ...raw, mediaType: OCI_INDEX, manifests }))
  return { index: await target.putManifest(bytes, OCI_INDEX, { tagged: true }), images }
}

/** Attestations are manifests, too, of a platform that is none. */
const isImage = (descriptor: Descriptor): descriptor is Descriptor & { platform: Platform } =>
  isManifestType(descriptor.mediaType) &&
  descriptor.platform !== undefined &&
  descriptor.platform.os !== 'unknown'

async function rebuildOne(
  request: RebuildIndexRequest & { readonly pool: Pool },
  platform: Platform,
): Promise<RebuiltImage> {
  const { source, target, startup, options, workspace, pool, signal, onProgress } = request
  const name = formatPlatform(platform)
  request.onImage?.(name)
  const image = await source.image(platform)
  const isProfiled = name === formatPlatform(request.profiled)
  const summary = await rebuildImage({
    image,
    target,
    startup,
    options: isProfiled ? options : { ...options, minCoverage: undefined },
    tagged: false,
    workspace,
    pool,
    signal,
    onProgress,
  })
  return { platform: name, image, summary }
}
