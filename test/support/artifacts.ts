/** Artifacts for tests that are about how they are stored and found. */

import { type Artifact, makeArtifact } from '../../image/referrers/artifact.ts'
import { attach } from '../../image/referrers/attach.ts'
import { openAttached, openAttaching } from '../../image/referrers/place.ts'
import type { Descriptor, Digest, Referrer } from '../../image/types.ts'

export const NOTE_TYPE = 'application/vnd.example.note'

/** Some text about an image. */
export const note = (subject: Descriptor, text: string, artifactType = NOTE_TYPE): Artifact =>
  makeArtifact({
    artifactType,
    subject,
    content: { mediaType: 'text/plain', bytes: Buffer.from(text) },
    annotations: { text },
  })

/** Opens the place for it, as each command does. */
export async function attachAt(place: string, artifact: Artifact): Promise<void> {
  await using target = await openAttaching(place, {})
  await attach(target, artifact)
}

export async function listAt(place: string, subject: Digest): Promise<readonly Referrer[]> {
  await using source = await openAttached(place, {})
  return (await source.referrers?.(subject)) ?? []
}

/** Of the notes that are listed, in the order of the alphabet. */
export const textsAt = async (place: string, subject: Digest): Promise<string[]> =>
  (await listAt(place, subject)).map(({ annotations }) => annotations?.text ?? '').sort()
