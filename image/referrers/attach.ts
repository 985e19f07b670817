/** Attaching artifacts to an image, and carrying those that are attached to the place that the image was copied to. */
import { HeadstartError } from '../../system/errors.ts'
import { mapLimit } from '../../system/map-limit.ts'
import { type CopyOptions, copyContents } from '../copy.ts'
import { isIndexType, isManifestType } from '../media-types.ts'
import type { Digest, ImageSource, ImageTarget } from '../types.ts'
import type { Artifact } from './artifact.ts'
import { cosignTags } from './cosign-tags.ts'
import { referrerIn } from './list.ts'

/** A signature of a bill of materials of an image is two deep. */
const MAX_DEPTH = 4
const MAX_COPIED = 1000
const ASKED_AT_ONCE = 4

/** @throws HeadstartError E_ARTIFACT: the place can't hold it, or refuses it; and what the target throws */
export async function attach(target: ImageTarget, artifact: Artifact, signal?: AbortSignal): Promise<void> {
  if (!target.putReferrer) throw noPlace(target.name)
  for (const blob of artifact.blobs) await target.putBlob(blob, signal)
  await target.putReferrer(artifact)
}

/**
 * A place that refuses what is attached takes the image itself all the same; one that is gone by now takes nothing.
 * @returns why it was refused
 * @throws HeadstartError E_REGISTRY_UNREACHABLE, and what is no answer to a person
 */
export async function refusalOf(
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<HeadstartError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof HeadstartError) || error.code === 'E_REGISTRY_UNREACHABLE') throw error
    return error
  }
}

export const noPlace = (name: string): HeadstartError =>
  new HeadstartError('E_ARTIFACT', `nothing can be attached to ${name}`, {
    hint: 'Only registries, OCI layouts and OCI archives can hold artifacts attached to an image',
  })

/**
 * Everything that is attached to these manifests, and what is attached to that, byte for byte: what it refers to has the same digest there.
 * @returns how many artifacts were copied
 * @throws HeadstartError E_ARTIFACT, and what source and target throw
 */
export async function copyReferrers(
  source: ImageSource,
  subjects: readonly Digest[],
  target: ImageTarget,
  options: CopyOptions = {},
): Promise<number> {
  const copied = new Set<Digest>()
  let round = subjects
  for (let depth = 0; round.length > 0 && depth < MAX_DEPTH; depth++) {
    const next: Digest[] = []
    for (const subject of round)
      for (const referrer of (await source.referrers?.(subject, options.signal)) ?? []) {
        const { digest } = referrer
        if (copied.has(digest)) continue
        if (copied.size === MAX_COPIED)
          throw new HeadstartError('E_ARTIFACT', `more than ${MAX_COPIED} artifacts are attached in total`)
        copied.add(digest)
        options.signal?.throwIfAborted()
        if (!target.putReferrer) throw noPlace(target.name)
        const bytes = await copyContents(source, referrer, target, options)
        const said = referrerIn(bytes, referrer)
        if (said?.subject.digest !== subject)
          throw new HeadstartError(
            'E_ARTIFACT',
            `${digest} is listed as attached to ${subject} in ${source.name}, but its own manifest does not say so`,
          )
        await target.putReferrer({ bytes, referrer: said.referrer, subject })
        next.push(digest)
      }
    round = next
  }
  return copied.size
}

/**
 * What cosign keeps of these manifests under tags made of their digests, byte for byte. Only of manifests that have the same digest in the target.
 * @returns how many tags were copied
 * @throws HeadstartError E_TARGET_EXISTS: one is another's there, and `force` was not given; and what source and target throw
 */
export async function copyCosignTags(
  source: ImageSource,
  subjects: readonly Digest[],
  target: ImageTarget,
  { force, ...options }: CopyOptions & { readonly force: boolean },
): Promise<number> {
  const signal = options.signal ?? new AbortController().signal
  const find = async (tag: string) => ({ tag, found: await source.tagged?.(tag, signal) })
  let copied = 0
  for (const { tag, found } of await mapLimit(subjects.flatMap(cosignTags), ASKED_AT_ONCE, signal, find)) {
    if (!found || !(isManifestType(found.mediaType) || isIndexType(found.mediaType))) continue
    signal.throwIfAborted()
    if (!target.putTagged) throw noPlace(target.name)
    const bytes = await copyContents(source, found, target, options)
    await target.putTagged({ tag, bytes, mediaType: found.mediaType }, { force })
    copied++
  }
  return copied
}
