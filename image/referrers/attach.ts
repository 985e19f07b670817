/** Attaching artifacts to an image, and carrying those that are attached to the place that the image was copied to. */
import { HeadstartError } from '../../system/errors.ts'
import { type CopyOptions, copyContents } from '../copy.ts'
import type { Digest, ImageSource, ImageTarget } from '../types.ts'
import type { Artifact } from './artifact.ts'
import { referrerIn } from './list.ts'

/** A signature of a bill of materials of an image is two deep. */
const MAX_DEPTH = 4
const MAX_COPIED = 1000

/** @throws HeadstartError E_ARTIFACT: the place can't hold it, or refuses it; and what the target throws */
export async function attach(target: ImageTarget, artifact: Artifact, signal?: AbortSignal): Promise<void> {
  if (!target.putReferrer) throw noPlace(target.name)
  for (const blob of artifact.blobs) await target.putBlob(blob, signal)
  await target.putReferrer(artifact)
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
