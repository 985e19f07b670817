/** An image in an OCI layout, a folder of blobs with an index, as a source. */
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { openRegular, readWhole } from '../../system/files/read-whole.ts'
import type { FileLocation } from '../location.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { type BlobStore, type RawDocument, sourceFromStore } from '../source-from-store.ts'
import type { Digest, ImageSource } from '../types.ts'
import { referrersIn } from './attached.ts'
import { blobFile, layoutName, readIndex } from './folder.ts'
import { type LayoutEntry, selectFromIndex, taggedIn } from './index-file.ts'

/** @throws HeadstartError E_IMAGE_NOT_FOUND, E_LAYOUT */
export async function openLayoutSource(location: FileLocation): Promise<ImageSource> {
  const name = layoutName(location)
  const index = await readIndex(location.path, name)
  if (!index)
    throw new HeadstartError(
      'E_IMAGE_NOT_FOUND',
      `${name}: ${location.path} holds no image: it has no index.json`,
    )
  selectFromIndex(index, location, name) // fails now if it isn't there
  return sourceFromStore(layoutStore(location, index))
}

function layoutStore(location: FileLocation, index: readonly LayoutEntry[]): BlobStore {
  const { path: folder, tag } = location
  const name = layoutName(location)
  return {
    name,
    ...(tag !== undefined && {
      beside: (suffix: string) =>
        layoutStore({ path: folder, tag: `${tag}${suffix}`, digest: undefined }, index),
    }),
    async root(): Promise<RawDocument> {
      const descriptor = selectFromIndex(index, location, name)
      const path = blobFile(folder, descriptor.digest)
      const bytes = await readWhole(path, MAX_MANIFEST_BYTES).catch((cause: unknown) => {
        if (codeOf(cause) === 'E_TOO_LARGE') throw cause
        throw blobMissing(name, descriptor.digest, cause)
      })
      return { descriptor, bytes }
    },
    async open({ digest, size }, range, signal) {
      const path = blobFile(folder, digest)
      const file = await openRegular(path).catch((cause: unknown) => {
        throw blobMissing(name, digest, cause)
      })
      const stored = (await file.stat()).size
      if (stored !== size) {
        await file.close()
        throw new HeadstartError(
          'E_DIGEST',
          `${digest} of ${name} has ${stored} bytes; its descriptor says ${size}`,
        )
      }
      const wanted = range ? range.end - range.start : size
      return file.createReadStream({
        highWaterMark: Math.min(1 << 20, wanted + 1), // each read allocates this much
        ...(range && { start: range.start, end: range.end - 1 }),
        ...(signal && { signal }),
      })
    },
    referrers: async (subject) => {
      const now = (await readIndex(folder, name)) ?? []
      const read = (digest: Digest) =>
        readWhole(blobFile(folder, digest), MAX_MANIFEST_BYTES).catch(() => undefined)
      return referrersIn({ name, index: now, read }, subject)
    },
    tagged: async (other) => taggedIn((await readIndex(folder, name)) ?? [], other)?.descriptor,
    async [Symbol.asyncDispose]() {},
  }
}

const blobMissing = (name: string, digest: Digest, cause: unknown): HeadstartError =>
  new HeadstartError('E_BLOB_MISSING', `${name} lacks the blob ${digest}: ${messageOf(cause)}`, { cause })
