/** An archive's tar, open for reading its files in place. A compressed archive is decompressed into the workspace first. */
import { createReadStream, createWriteStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { codeOf, HeadstartError, ifDiskFull, messageOf } from '../../system/errors.ts'
import { openRegular } from '../../system/files/read-whole.ts'
import { createWorkspace, type Workspace } from '../../system/workspace.ts'
import {
  compressionError,
  compressionOf,
  decompress,
  foreignCompression,
  HEAD_BYTES,
} from '../compression/decompress.ts'
import type { Descriptor, Digest, Referrer } from '../types.ts'
import { type ArchiveEntry, type ArchiveIndex, archiveError, indexArchive } from './entries.ts'

export interface ArchiveOptions {
  /** where a compressed archive is decompressed; a workspace is created when one is needed and none is given */
  readonly workspace?: Workspace | undefined
  readonly signal?: AbortSignal | undefined
}

/** A manifest, and where in the archive the blobs lie that it refers to. */
export interface ArchiveContent {
  readonly descriptor: Descriptor
  readonly bytes: Buffer
  locate(digest: Digest): ArchiveEntry | undefined
  /** where artifacts can be attached: see `ImageSource` */
  referrers?(subject: Digest): Promise<readonly Referrer[]>
  tagged?(tag: string): Promise<Descriptor | undefined>
}

/** Of bytes in the tar. */
type Place = Pick<ArchiveEntry, 'offset' | 'size'>

/** An open archive, as the code that looks for an image in it sees it. */
export interface Archive {
  readonly index: ArchiveIndex
  /** A small file, whole. @throws HeadstartError E_ARCHIVE, E_TOO_LARGE */
  small(path: string, limit: number): Promise<Buffer>
  head(entry: Place, length: number): Promise<Buffer>
  stream(place: Place): Readable
}

/** @throws HeadstartError E_IMAGE_NOT_FOUND, E_ARCHIVE, E_COMPRESSION */
export async function openTar(
  path: string,
  name: string,
  options: ArchiveOptions,
  stack: AsyncDisposableStack,
): Promise<Archive> {
  const file = await openPlain(path, name, options, stack)
  return archiveOn(file, await indexArchive(file, name), name)
}

/**
 * An archive that is to be changed: the file itself is the tar.
 * @throws HeadstartError E_ARTIFACT: it is compressed; E_IMAGE_NOT_FOUND, E_ARCHIVE
 */
export async function openUncompressed(
  path: string,
  name: string,
  stack: AsyncDisposableStack,
): Promise<Archive> {
  const file = stack.use(await openFile(path, name))
  if (await isCompressed(file))
    throw new HeadstartError('E_ARTIFACT', `nothing can be attached to ${name}: it is compressed`, {
      hint: 'headstart copy --referrers makes an uncompressed archive of it',
    })
  return archiveOn(file, await indexArchive(file, name), name)
}

async function isCompressed(file: FileHandle): Promise<boolean> {
  const head = Buffer.alloc(HEAD_BYTES)
  await file.read(head, 0, head.length, 0)
  return compressionOf(head) !== 'none' || foreignCompression(head) !== undefined
}

/** The archive's tar: the file itself, or what it decompresses to. What was opened and created goes on the stack. */
async function openPlain(
  path: string,
  name: string,
  options: ArchiveOptions,
  stack: AsyncDisposableStack,
): Promise<FileHandle> {
  const file = stack.use(await openFile(path, name))
  if (!(await isCompressed(file))) return file
  const workspace = options.workspace ?? stack.use(await createWorkspace())
  const folder = await workspace.sub('archive')
  const unpacked = join(folder, `${process.hrtime.bigint()}.tar`)
  try {
    const { stream } = await decompress(file.createReadStream({ start: 0, autoClose: false }))
    await pipeline(stream, createWriteStream(unpacked, { flags: 'wx' }), { signal: options.signal })
  } catch (error) {
    options.signal?.throwIfAborted()
    throw compressionError(ifDiskFull(error, folder), name)
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
  const head = async ({ offset, size }: Place, length: number) => {
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
