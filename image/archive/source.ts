/**
 * Archives as sources: `oci-archive:` (a tar of an OCI layout) and `docker-archive:` (what `docker save` writes). Blobs are read in
 * place.
 *
 * Source: OCI image-spec image-layout.md; Docker image spec v1.2, "Combined Image JSON + Filesystem Changeset Format".
 */
import { HeadstartError } from '../../system/errors.ts'
import { referrersIn } from '../layout/attached.ts'
import {
  blobPath,
  checkLayoutVersion,
  parseLayoutIndex,
  selectFromIndex,
  taggedIn,
} from '../layout/index-file.ts'
import type { FileLocation } from '../location.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../manifest.ts'
import { isIndexType } from '../media-types.ts'
import { formatReference, type Reference } from '../reference.ts'
import { type BlobStore, sourceFromStore } from '../source-from-store.ts'
import type { Descriptor, Digest, ImageSource } from '../types.ts'
import { type Archive, type ArchiveContent, type ArchiveOptions, openTar } from './archive.ts'
import { type DockerManifest, selectDockerImage, synthesizeManifest } from './docker-manifest.ts'

export interface DockerArchiveOptions extends ArchiveOptions {
  /** makes the manifest from config and layers, although the archive may contain one that its writer made in the same way */
  readonly ownManifest?: boolean
}

/** @throws HeadstartError E_IMAGE_NOT_FOUND, E_ARCHIVE, E_LAYOUT */
export async function openOciArchive(location: FileLocation, options: ArchiveOptions): Promise<ImageSource> {
  const { path, tag, digest } = location
  const name = `oci-archive:${path}${digest ? `@${digest}` : tag ? `:${tag}` : ''}`
  return openArchive(path, name, options, async (archive) => {
    checkLayoutVersion(await archive.small('oci-layout', MAX_MANIFEST_BYTES), name)
    const index = parseLayoutIndex(await archive.small('index.json', MAX_MANIFEST_BYTES), name)
    const descriptor = selectFromIndex(index, { tag, digest }, name)
    const read = (each: Digest) => archive.small(blobPath(each), MAX_MANIFEST_BYTES).catch(() => undefined)
    const referrers = (subject: Digest) => referrersIn({ name, index, read }, subject)
    const tagged = async (other: string) => taggedIn(index, other)?.descriptor
    return { ...(await layoutContent(archive, descriptor)), referrers, tagged }
  })
}

/** @param reference undefined: the only image in it */
export async function openDockerArchive(
  path: string,
  reference: Reference | undefined,
  options: DockerArchiveOptions,
  name = `docker-archive:${path}${reference ? `:${formatReference(reference)}` : ''}`,
): Promise<ImageSource> {
  return openArchive(path, name, options, async (archive) => {
    const saved = await selectDockerImage(archive, reference, name)
    const original = options.ownManifest ? undefined : await originalManifest(archive, saved, name)
    return original ? layoutContent(archive, original) : synthesizeManifest(archive, saved, name)
  })
}

async function layoutContent(archive: Archive, descriptor: Descriptor): Promise<ArchiveContent> {
  return {
    descriptor,
    bytes: await archive.small(blobPath(descriptor.digest), MAX_MANIFEST_BYTES),
    locate: (digest) => archive.index.find(blobPath(digest)),
  }
}

/**
 * Archives of current Docker engines, and ours, are OCI layouts too: their manifest is the image's own. It may be one of an index,
 * next to attestations and other platforms that the archive lacks.
 */
async function originalManifest(
  archive: Archive,
  saved: DockerManifest,
  name: string,
): Promise<Descriptor | undefined> {
  if (!archive.index.find('oci-layout') || !archive.index.find('index.json')) return undefined
  const read = ({ digest }: Descriptor) =>
    archive.small(blobPath(digest), MAX_MANIFEST_BYTES).catch(() => undefined)
  const layout = parseLayoutIndex(await archive.small('index.json', MAX_MANIFEST_BYTES), name)
  const candidates: Descriptor[] = []
  for (const { descriptor } of layout) {
    const bytes = isIndexType(descriptor.mediaType) ? await read(descriptor) : undefined
    const parsed = bytes && parseManifest(bytes, descriptor.mediaType, name)
    candidates.push(...(parsed?.kind === 'index' ? parsed.manifests : [descriptor]))
  }
  for (const descriptor of candidates) {
    // The config's path in the archive contains the hex digits of its digest, whatever its form.
    if ((await read(descriptor))?.includes(`"sha256:${saved.configHex}"`)) return descriptor
  }
  return undefined
}

async function openArchive(
  path: string,
  name: string,
  options: ArchiveOptions,
  find: (archive: Archive) => Promise<ArchiveContent>,
): Promise<ImageSource> {
  await using stack = new AsyncDisposableStack()
  const archive = await openTar(path, name, options, stack)
  const content = await find(archive)
  const { referrers, tagged } = content
  const kept = stack.move()
  const store: BlobStore = {
    name,
    root: async () => ({ descriptor: content.descriptor, bytes: content.bytes }),
    async open({ digest, size }, range) {
      const entry = content.locate(digest)
      if (!entry) throw new HeadstartError('E_BLOB_MISSING', `${name} lacks the blob ${digest}`)
      if (entry.size !== size)
        throw new HeadstartError(
          'E_DIGEST',
          `${digest} of ${name} has ${entry.size} bytes; its descriptor says ${size}`,
        )
      const { start, end } = range ?? { start: 0, end: size }
      return archive.stream({ offset: entry.offset + start, size: end - start })
    },
    ...(referrers && { referrers: (subject) => referrers(subject) }),
    ...(tagged && { tagged: (tag) => tagged(tag) }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
  return sourceFromStore(store)
}
