/** Learns what is known of an image: its digest by one request, and, where the queue can't tell what is to be done, more from its registry. */
import { digestSchema } from '../../image/document.ts'
import { isIndexType } from '../../image/media-types.ts'
import { parsePlatform } from '../../image/platform.ts'
import { parseReference } from '../../image/reference.ts'
import type { EndpointOptions } from '../../image/registry/endpoint.ts'
import { openRegistrySource } from '../../image/registry/source.ts'
import { resolveTag, type Tagged } from '../../image/registry/tags.ts'
import type { ImageSource } from '../../image/types.ts'
import { sourceNamedIn } from '../../optimizer/rebuild/manifest.ts'
import { HeadstartError } from '../../system/errors.ts'
import { attachedTraces } from '../../tracer/trace/artifact.ts'
import { workOf } from '../config/fleet.ts'
import { type Named, nameOf, targetOf } from '../config/names.ts'
import { JOB_KINDS, jobId, repositoryOf, type Work, workloadsId } from '../job.ts'
import { type Facts, isInPlace, knownStep, type Seen } from '../plan.ts'
import type { Queue } from '../queue/types.ts'
import type { Discovered } from './discover.ts'
import type { Registries } from './registries.ts'

export interface Looking {
  readonly queue: Pick<Queue, 'find' | 'made' | 'madeIn'>
  readonly registries: Registries
  /** how registries are reached */
  readonly access: EndpointOptions
  readonly signal: AbortSignal
}

/**
 * @param clash another image of the fleet that has the same target
 * @returns undefined: the tag is gone
 * @throws HeadstartError what the registry and the queue throw
 */
export async function lookAt(
  discovered: Discovered,
  clash: string | undefined,
  looking: Looking,
): Promise<Facts | undefined> {
  const { image, entry } = discovered
  const { queue, registries } = looking
  const tagged = await resolveTag(await registries.at(image.host, image.repository), image.tag)
  if (!tagged) return undefined
  const work = workOf(entry, image, tagged)
  const made = await queue.made(work.target)
  const found = await Promise.all(JOB_KINDS.map((kind) => queue.find(jobId({ kind, work }))))
  const facts = { work, made, clash, jobs: found.filter((job) => job !== undefined) }
  if (knownStep(facts)) return { ...facts, seen: undefined }
  const target = made ? undefined : await targetSeen(discovered, tagged, looking)
  const isAdopted = target?.madeOf === work.digest || (isInPlace(work) && target?.madeOf !== undefined)
  if (isAdopted) return { ...facts, seen: { target, hasProfiles: false, lender: undefined } }
  const { madeOf, hasProfiles } = await sourceSeen(work, looking)
  const lender = hasProfiles ? undefined : await lenderFor(discovered, work, looking)
  return { ...facts, seen: { target, hasProfiles, lender, madeOf } }
}

/** What the target is, and what it was made of: the image itself, also where that is an index of which one platform was rebuilt. */
async function targetSeen(
  { image, entry }: Discovered,
  source: Tagged,
  looking: Looking,
): Promise<Seen['target']> {
  const target = targetOf(entry.target, image)
  await using opened = await open(target, target.tag, looking)
  const root = await rootOf(opened)
  if (!root) return undefined
  const named = sourceNamedIn(root.bytes)
  const isPart =
    named !== undefined &&
    named !== source.digest &&
    entry.platforms === 'host' &&
    nameOf(target) !== nameOf(image) &&
    isIndexType(source.mediaType) &&
    (await hasPart(image, source, named, looking))
  return { digest: root.digest, madeOf: isPart ? source.digest : named }
}

/** @returns undefined: there is none */
async function rootOf(source: ImageSource) {
  try {
    const index = await source.index()
    if (index) return { digest: index.descriptor.digest, bytes: index.rawIndex }
    const { descriptor, rawManifest } = await source.image()
    return { digest: descriptor.digest, bytes: rawManifest }
  } catch (error) {
    if (error instanceof HeadstartError && error.code === 'E_IMAGE_NOT_FOUND') return undefined
    throw error
  }
}

async function hasPart(image: Named, { digest }: Tagged, part: string, looking: Looking): Promise<boolean> {
  await using source = await open(image, digest, looking)
  return (await source.index())?.manifests.some((each) => each.digest === part) ?? false
}

/** @param which a tag or a digest */
function open({ host, repository }: Named, which: string, { access, signal }: Looking): Promise<ImageSource> {
  const isDigest = which.startsWith('sha256:')
  return openRegistrySource(
    {
      host,
      repository,
      tag: isDigest ? undefined : which,
      digest: isDigest ? digestSchema.parse(which) : undefined,
    },
    { ...access, signal },
  )
}

/**
 * Whether the image, of its index that of the platform that is recorded, has a profile for each workload; and what it was made of, where it is a
 * product itself.
 */
async function sourceSeen(work: Work, looking: Looking): Promise<Pick<Seen, 'hasProfiles' | 'madeOf'>> {
  const { host, repository } = parseReference(work.source)
  await using source = await open({ host, repository, tag: '' }, work.digest, looking)
  const platform = work.optimizeFlags.flatMap((flag) => /^--platform=(.+)$/.exec(flag)?.[1] ?? [])[0]
  const image = await source.image(platform === undefined ? undefined : parsePlatform(platform))
  const found = attachedTraces((await source.referrers?.(image.descriptor.digest, looking.signal)) ?? [])
  const names = new Set(found.map(({ name }) => name))
  const root = (await source.index())?.rawIndex ?? image.rawManifest
  return { hasProfiles: work.workloads.every(({ name }) => names.has(name)), madeOf: sourceNamedIn(root) }
}

const naturally = new Intl.Collator('en', { numeric: true })

/** What the fleet made last in the repository, recorded as it would be now; a fleet that made nothing there takes what its tags show. */
async function lenderFor(
  { image, entry, tags }: Discovered,
  work: Work,
  { queue, registries }: Looking,
): Promise<string | undefined> {
  const latest = await queue.madeIn(repositoryOf(work.target))
  if (latest)
    return latest.recorded === workloadsId(work)
      ? `${repositoryOf(latest.target)}@${latest.digest}`
      : undefined
  const there = new Set(tags)
  const others = tags
    .filter((tag) => tag !== image.tag)
    .map((tag) => ({ tag, target: targetOf(entry.target, { ...image, tag }) }))
    .filter(
      ({ target, tag }) =>
        target.host === image.host &&
        target.repository === image.repository &&
        target.tag !== tag &&
        there.has(target.tag),
    )
    .toSorted((a, b) => naturally.compare(a.tag, b.tag))
  const chosen = others.findLast(({ tag }) => naturally.compare(tag, image.tag) < 0) ?? others[0]
  const product =
    chosen && (await resolveTag(await registries.at(image.host, image.repository), chosen.target.tag))
  return product && `${image.host}/${image.repository}@${product.digest}`
}
