/** What the source and the target of an OCI layout share: its name, where its files are, and whether they are whole. Source: OCI image-spec, image-layout.md. */
import { join } from 'node:path'
import { codeOf, HeadstartError } from '../../system/errors.ts'
import { openRegular, readWhole } from '../../system/files/read-whole.ts'
import { type BlobIdentity, type Digest, hashStream } from '../digest.ts'
import type { FileLocation } from '../location.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { blobPath, checkLayoutVersion, type LayoutEntry, parseLayoutIndex } from './index-file.ts'

export const layoutName = ({ path, tag, digest }: FileLocation): string =>
  `oci:${path}${digest ? `@${digest}` : tag ? `:${tag}` : ''}`

export const blobFile = (folder: string, digest: Digest): string => join(folder, blobPath(digest))

/** The folder may be shared, and what is in it cut or changed since it was written: a blob is hashed before it is relied on. */
export async function isWhole(
  path: string,
  { digest, size }: BlobIdentity,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    await using file = await openRegular(path)
    if ((await file.stat()).size !== size) return false
    // One byte more than there should be, since it may grow meanwhile.
    const stream = file.createReadStream({ end: size, highWaterMark: 1 << 20, ...(signal && { signal }) })
    return (await hashStream(stream)).digest === digest
  } catch {
    signal?.throwIfAborted()
    return false
  }
}

/** @returns undefined when no image was written yet, or the first writer was killed */
export async function readIndex(folder: string, name: string): Promise<LayoutEntry[] | undefined> {
  const version = await readWhole(join(folder, 'oci-layout'), MAX_MANIFEST_BYTES).catch((cause: unknown) => {
    if (codeOf(cause) !== 'ENOENT' && codeOf(cause) !== 'ENOTDIR') throw cause
    throw new HeadstartError(
      'E_IMAGE_NOT_FOUND',
      `${name}: ${folder} is not an OCI layout: it has no oci-layout file`,
    )
  })
  checkLayoutVersion(version, name)
  const text = await readWhole(join(folder, 'index.json'), MAX_MANIFEST_BYTES).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw cause
  })
  return text && parseLayoutIndex(text, name)
}
