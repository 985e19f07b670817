/**
 * Rebuilds every image of an index, each from its own digest, in the index's order, those of nested indexes too. Other artifacts are
 * copied byte for byte. Of what refers to an image that was changed, attestations are linked to the new one and marked as made for the original; all
 * else is left out, with a note. The index goes last, and has no name yet.
 */
import { z } from 'zod'
import { copyContents, copyManifest, MAX_INDEX_DEPTH, readManifest, tooDeep } from '../../image/copy.ts'
import { stillTrue } from '../../image/layers/annotations.ts'
import type { PutTocImage, Untagged } from '../../image/layers/external-toc.ts'
import { manifestFacts, parseManifest } from '../../image/manifest.ts'
import { isIndexType, isManifestType, OCI_INDEX } from '../../image/media-types.ts'
import { formatPlatform } from '../../image/platform.ts'
import type { Descriptor, Digest, Image, ImageIndex, ImageSource, ImageTarget } from '../../image/types.ts'
import type { Workspace } from '../../system/workspace.ts'
import { createPool, type Pool } from '../compress/pool.ts'
import type { LayerMemory } from '../known/known-layers.ts'
import { DEFAULT_OPTIONS, type OptimizeOptions } from '../options.ts'
import type { StartupFile } from '../plan/startup.ts'
import { type RebuildProgress, type RebuildSummary, rebuildImage } from './image.ts'
import type { Limits } from './limits.ts'
import { subjectNote, withSource, withSubject } from './manifest.ts'
import { type TocImageWriter, tocImageWriter } from './toc-image.ts'

export interface RebuildIndexRequest {
  readonly source: ImageSource
  readonly index: ImageIndex
  /** prepared by the caller */
  readonly target: ImageTarget
  /** as recorded on one of the images; the others are matched by path */
  readonly startup: readonly StartupFile[]
  /** the manifest of what was recorded; `minCoverage` is asked of this one alone */
  readonly profiled: Digest
  /** diffIDs of the image whose start it is, where that may be another one */
  readonly recorded?: readonly string[] | undefined
  /** of each image */
  readonly limits?: Limits | undefined
  readonly options: Partial<OptimizeOptions>
  readonly workspace?: Workspace | undefined
  readonly memory?: LayerMemory | undefined
  readonly signal?: AbortSignal | undefined
  readonly onImage?: ((platform: string) => void) | undefined
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined
}

export interface RebuiltImage {
  /** for people: the platform, and what else tells it from the others */
  readonly platform: string
  readonly image: Image
  readonly summary: RebuildSummary
}

/** For `giveTag`, once all that is attached to it is there, too. */
export interface RebuildIndexSummary extends Untagged {
  /** each once, in the order of the index */
  readonly images: readonly RebuiltImage[]
  /** what was left out, a line each, for people */
  readonly notes: readonly string[]
}

const REFERENCE = 'vnd.docker.reference.digest'
/** Of an attestation's entry: the manifest that its statements are about. */
const MADE_FOR = 'vnd.headstart.reference.source'

const entrySchema = z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() })
const indexSchema = z.looseObject({
  manifests: z.array(entrySchema),
  annotations: z.record(z.string(), z.string()).nullish(),
})
type Entry = z.infer<typeof entrySchema>

/** @throws HeadstartError as `rebuildImage` */
export async function rebuildIndex(request: RebuildIndexRequest): Promise<RebuildIndexSummary> {
  const { options, signal, index } = request
  await using pool = createPool({ threads: options.threads, signal })
  const rebuild = new IndexRebuild(request, pool)
  const put = await rebuild.index(index.rawIndex, index.manifests, 0)
  const { images, notes } = rebuild
  return { ...put, tocImage: await rebuild.putTocs(), images, notes }
}

class IndexRebuild {
  readonly images: RebuiltImage[] = []
  readonly notes: string[] = []
  private readonly tocs: TocImageWriter | undefined
  private readonly request: RebuildIndexRequest
  private readonly pool: Pool
  /** by the digest that each had: what several entries name is rebuilt once */
  private readonly done = new Map<string, Descriptor>()

  constructor(request: RebuildIndexRequest, pool: Pool) {
    this.request = request
    this.pool = pool
    this.tocs = tocImageWriter(request.target, request.options.format ?? DEFAULT_OPTIONS.format)
  }

  /** Images first, since the other artifacts may refer to any of them. */
  async index(
    rawIndex: Uint8Array,
    manifests: readonly Descriptor[],
    depth: number,
  ): Promise<Omit<Untagged, 'tocImage'>> {
    const { source, target, signal } = this.request
    if (depth > MAX_INDEX_DEPTH) throw tooDeep(source.name)
    const raw = indexSchema.parse(JSON.parse(Buffer.from(rawIndex).toString('utf8')))
    const changed = new Map<number, Entry>()
    const others = new Map<number, string | undefined>()
    for (const [place, descriptor] of manifests.entries()) {
      signal?.throwIfAborted()
      const entry = raw.manifests[place] ?? {}
      const kind = await this.kindOf(descriptor)
      if (kind.is === 'other') others.set(place, entry.annotations?.[REFERENCE] ?? kind.subject)
      else if (this.done.has(descriptor.digest)) changed.set(place, this.renamed(entry, descriptor))
      else {
        const result =
          kind.is === 'image'
            ? await this.image(descriptor)
            : (await this.index(kind.bytes, kind.manifests, depth + 1)).manifest
        this.done.set(descriptor.digest, result)
        changed.set(place, this.renamed(entry, descriptor))
      }
    }
    for (const [place, about] of others) {
      const descriptor = manifests[place]
      if (descriptor === undefined) continue
      const entry = raw.manifests[place] ?? {}
      const instead = about === undefined ? undefined : this.done.get(about)
      if (about === undefined || instead === undefined || instead.digest === about) {
        await copyManifest(source, descriptor, target, { signal })
        changed.set(place, entry)
      } else if (isAttestation(descriptor))
        changed.set(place, await this.attestation(entry, descriptor, { about, instead }))
      else this.notes.push(leftOut(descriptor, about))
    }
    const { subject, ...rest } = raw
    if (subject !== undefined && subject !== null) this.notes.push(subjectNote('the index'))
    const kept = [...raw.manifests.keys()].flatMap((place) => changed.get(place) ?? [])
    const document = { ...rest, mediaType: OCI_INDEX, manifests: kept, ...annotationsOf(raw) }
    const rawManifest = withSource(document, rawIndex)
    return { manifest: await target.putManifest(rawManifest, OCI_INDEX, { tagged: false }), rawManifest }
  }

  /**
   * It still says what it says of the original, and its entry says so; but it is found with the new image. Where the manifest itself names what it
   * refers to, that is changed, too; the statements in it stay as they are.
   */
  private async attestation(
    entry: Entry,
    descriptor: Descriptor,
    { about, instead }: { readonly about: string; readonly instead: Descriptor },
  ): Promise<Entry> {
    const { source, target, signal } = this.request
    const original = await copyContents(source, descriptor, target, { signal })
    const bytes = withSubject(original, about, instead)
    const { digest, size } = await target.putManifest(bytes, descriptor.mediaType, { tagged: false })
    const { data: _, urls: __, ...rest } = entry
    return {
      ...rest,
      digest,
      size,
      annotations: { ...entry.annotations, [REFERENCE]: instead.digest, [MADE_FOR]: about },
    }
  }

  async putTocs(): Promise<PutTocImage | undefined> {
    const platform = this.images[0]?.image.config.platform
    if (platform === undefined) return undefined
    return this.tocs?.finish(platform, this.request.signal ?? new AbortController().signal)
  }

  private async kindOf(descriptor: Descriptor): Promise<Kind> {
    const { source, signal } = this.request
    if (isIndexType(descriptor.mediaType)) {
      const bytes = await readManifest(source, descriptor, signal)
      const parsed = parseManifest(bytes, descriptor.mediaType, `${source.name}@${descriptor.digest}`)
      if (parsed.kind === 'index') return { is: 'index', bytes, manifests: parsed.manifests }
    }
    if (!isManifestType(descriptor.mediaType)) return { is: 'other', subject: undefined }
    const facts = manifestFacts(await readManifest(source, descriptor, signal))
    const isRunnable = facts.isImage && descriptor.platform?.os !== 'unknown'
    return isRunnable ? { is: 'image' } : { is: 'other', subject: facts.subject }
  }

  private renamed(entry: Entry, { digest }: Descriptor): Entry {
    const result = this.done.get(digest)
    if (result === undefined || result.digest === digest) return entry
    const { data: _, urls: __, ...rest } = entry
    return {
      ...rest,
      ...annotationsOf(entry),
      mediaType: result.mediaType,
      digest: result.digest,
      size: result.size,
    }
  }

  private async image(descriptor: Descriptor): Promise<Descriptor> {
    const { source, target, startup, recorded, limits, options } = this.request
    const { workspace, memory, signal, onProgress } = this.request
    const image = await source.imageOf(descriptor)
    const platform = this.nameOf(image, descriptor)
    this.request.onImage?.(platform)
    const isProfiled = descriptor.digest === this.request.profiled
    const summary = await rebuildImage({
      image,
      target,
      startup,
      recorded,
      limits,
      options: isProfiled ? options : { ...options, minCoverage: undefined },
      tagged: false,
      tocs: this.tocs,
      workspace,
      memory,
      pool: this.pool,
      signal,
      onProgress,
    })
    this.images.push({ platform, image, summary })
    return summary.manifest
  }

  private nameOf(image: Image, { platform = image.config.platform, digest }: Descriptor): string {
    const name = [formatPlatform(platform), platform.osVersion].filter(Boolean).join(' ')
    const isTaken = this.images.some((other) => other.platform === name)
    return isTaken ? `${name} ${digest.slice(7, 19)}` : name
  }
}

type Kind =
  | { readonly is: 'image' }
  | { readonly is: 'index'; readonly bytes: Buffer; readonly manifests: readonly Descriptor[] }
  | { readonly is: 'other'; readonly subject: string | undefined }

/** Those that are still true; none at all where there were none. */
function annotationsOf({ annotations }: Pick<Entry, 'annotations'>) {
  return annotations ? { annotations: stillTrue(annotations) } : {}
}

const isAttestation = ({ annotations, mediaType }: Descriptor): boolean =>
  annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' && isManifestType(mediaType)

const leftOut = ({ digest }: Descriptor, about: string): string =>
  `the artifact ${digest} is left out: it refers to ${about}, which was rebuilt`
