/** What is attached to an image of an OCI layout, in a folder or an archive: nothing but its index and its manifests tells. */
import { isIndexType, isManifestType } from '../media-types.ts'
import { checkCount, referrerIn } from '../referrers/list.ts'
import type { Digest, Referrer } from '../types.ts'
import type { LayoutEntry } from './index-file.ts'

/** How a layout is read for it. */
export interface LayoutDocuments {
  /** for errors */
  readonly name: string
  readonly index: readonly LayoutEntry[]
  /** A manifest, bounded; undefined: it isn't there, or can't be read. */
  read(digest: Digest): Promise<Buffer | undefined>
}

/** Whatever is in the index and names the subject itself. @throws HeadstartError E_ARTIFACT: too many, or one that is wrong; E_TOO_LARGE */
export async function referrersIn(
  { name, index, read }: LayoutDocuments,
  subject: Digest,
): Promise<Referrer[]> {
  const found = new Map<Digest, Referrer>()
  for (const { descriptor } of index) {
    const { mediaType, digest, platform } = descriptor
    if (platform || !(isManifestType(mediaType) || isIndexType(mediaType))) continue
    const bytes = await read(digest)
    const said = bytes && referrerIn(bytes, descriptor)
    if (said?.subject.digest === subject) found.set(digest, said.referrer)
    checkCount(found.size, `${name}@${subject}`)
  }
  return [...found.values()]
}
