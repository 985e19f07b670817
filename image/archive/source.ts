/**
 * Archives as sources: `oci-archive:` (a tar of an OCI layout) and `docker-archive:` (what `docker save` writes). Blobs are read in
 * place; a compressed archive is unpacked into the workspace first.
 *
 * Source: OCI image-spec image-layout.md; Docker image spec v1.2, "Combined Image JSON + Filesystem Changeset Format".
 */
import { createReadStream, createWriteStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { openRegular } from '../../system/read-whole.ts'
import { createWorkspace, type Workspace } from '../../system/workspace.ts'
import {
  compressionError,
  compressionOf,
  decompress,
  foreignCompression,
  HEAD_BYTES,
} from '../compression/decompress.ts'
import { checkLayoutVersion, parseLayoutIndex, selectFromIndex } from '../layout/index-file.ts'
import type { FileLocation } from '../location.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../manifest.ts'
import { isIndexType } from '../media-types.ts'
import { formatReference, type Reference } from '../reference.ts'
import { type BlobStore, completeSource } from '../source-from-store.ts'
import type { Descriptor, Digest, ImageSource } from '../types.ts'
import { type DockerManifest, selectDockerImage, synthesizeManifest } from './docker-manifest.ts'
import { type ArchiveEntry, type ArchiveIndex, archiveError, indexArchive } from './entries.ts'

export interface ArchiveOptions {
  /** where a compressed archive is unpacked; one of its own is made when it is needed */
  readonly workspace?: Workspace | undefined
  readonly signal?: AbortSignal | undefined
}

export interface DockerArchiveOptions extends ArchiveOptions {
  /** a manifest made of config and layers, although the archive may hold one that its writer made in the same way */
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
    return layoutContent(archive, descriptor)
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

/** A manifest, and where in the archive the blobs are that it speaks of. */
export interface ArchiveContent {
  readonly descriptor: Descriptor
  readonly bytes: Buffer
  locate(digest: Digest): ArchiveEntry | undefined
}

/** An open archive, as those see it who find an image in it. */
export interface Archive {
  readonly index: ArchiveIndex
  /** A small file, whole. @throws HeadstartError E_ARCHIVE, E_TOO_LARGE */
  small(path: string, limit: number): Promise<Buffer>
  head(entry: ArchiveEntry, length: number): Promise<Buffer>
  stream(entry: ArchiveEntry): Readable
}

const blobPath = (digest: Digest): string => `blobs/sha256/${digest.slice('sha256:'.length)}`

async function layoutContent(archive: Archive, descriptor: Descriptor): Promise<ArchiveContent> {
  return {
    descriptor,
    bytes: await archive.small(blobPath(descriptor.digest), MAX_MANIFEST_BYTES),
    locate: (digest) => archive.index.find(blobPath(digest)),
  }
}

/**
 * Archives of current Docker engines, and ours, are OCI layouts too: their manifest is the image's own. It may be one of an index,
 * beside attestations and other platforms that the archive lacks.
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
    // A path, and a digest, of a config: whichever way it is written, its hex digits are in it.
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
  const file = await openPlain(path, name, options, stack)
  const archive = archiveOn(file, await indexArchive(file, name), name)
  const content = await find(archive)
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
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
  return completeSource(store)
}

/** The archive's tar: itself, or unpacked beside when it is compressed. What was opened and made goes on the stack. */
async function openPlain(
  path: string,
  name: string,
  options: ArchiveOptions,
  stack: AsyncDisposableStack,
): Promise<FileHandle> {
  const file = stack.use(await openFile(path, name))
  const head = Buffer.alloc(HEAD_BYTES)
  await file.read(head, 0, head.length, 0)
  if (compressionOf(head) === 'none' && foreignCompression(head) === undefined) return file
  const workspace = options.workspace ?? stack.use(await createWorkspace())
  const folder = await workspace.sub('archive')
  const unpacked = join(folder, `${process.hrtime.bigint()}.tar`)
  try {
    const { stream } = await decompress(file.createReadStream({ start: 0, autoClose: false }))
    await pipeline(stream, createWriteStream(unpacked, { flags: 'wx' }), { signal: options.signal })
  } catch (error) {
    options.signal?.throwIfAborted()
    throw compressionError(error, name)
  }
  return stack.use(await openFile(unpacked, name))
}

async function openFile(path: string, name: string): Promise<FileHandle> {
  try {
    return await openRegular(path)
  } catch (cause) {
    if (codeOf(cause) === 'E_NOT_A_FILE')
      throw new HeadstartError('E_IMAGE_NOT_FOUND', `${name}: ${path} is not a file`, { cause })
    throw new HeadstartError('E_IMAGE_NOT_FOUND', `${name} can't be read: ${messageOf(cause)}`, { cause })
  }
}

function archiveOn(file: FileHandle, index: ArchiveIndex, name: string): Archive {
  const head = async ({ offset, size }: ArchiveEntry, length: number) => {
    const bytes = Buffer.alloc(Math.min(size, length))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, offset)
    if (bytesRead < bytes.length) throw archiveError(name, 'it ends inside a file')
    return bytes
  }
  return {
    index,
    head,
    async small(path, limit) {
      const entry = index.entry(path)
      if (entry.size > limit)
        throw new HeadstartError(
          'E_TOO_LARGE',
          `${path} of ${name} has ${entry.size} bytes; ${limit} is the limit`,
        )
      return head(entry, entry.size)
    },
    stream: ({ offset, size }) =>
      size === 0
        ? Readable.from([], { objectMode: false })
        : createReadStream('', {
            fd: file,
            autoClose: false,
            highWaterMark: 1 << 20,
            start: offset,
            end: offset + size - 1,
          }),
  }
}
