/** What the source and the target of an OCI layout share: its name, and where its files are. Source: OCI image-spec, image-layout.md. */
import { join } from 'node:path'
import { codeOf, HeadstartError } from '../../system/errors.ts'
import { readWhole } from '../../system/files/read-whole.ts'
import type { FileLocation } from '../location.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import type { Digest } from '../types.ts'
import { blobPath, checkLayoutVersion, type LayoutEntry, parseLayoutIndex } from './index-file.ts'

export const layoutName = ({ path, tag, digest }: FileLocation): string =>
  `oci:${path}${digest ? `@${digest}` : tag ? `:${tag}` : ''}`

export const blobFile = (folder: string, digest: Digest): string => join(folder, blobPath(digest))

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
