/** Attaches to images in an OCI archive that exists: it is written anew beside itself, with everything that it had, and renamed. */
import { createWriteStream } from 'node:fs'
import { chmod, chown, realpath, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { explained, HeadstartError, ifDiskFull } from '../../system/errors.ts'
import { placeWhole } from '../../system/files/atomic-file.ts'
import { removeLeftovers } from '../../system/files/leftovers.ts'
import { type LockOptions, withFolderLock } from '../../system/files/lock.ts'
import { bytesBlob } from '../blob.ts'
import { hashStream } from '../digest.ts'
import { blobPath, indexWith, type LayoutEntry, parseLayoutIndex } from '../layout/index-file.ts'
import type { FileLocation } from '../location.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { paddingOf } from '../tar/entry.ts'
import type { Blob, Descriptor, ImageTarget, ReferrerManifest } from '../types.ts'
import { type Archive, openUncompressed } from './archive.ts'
import { archiveError } from './entries.ts'
import { TarWriter } from './tar-writer.ts'

/**
 * It takes artifacts only: each is there, or nothing has changed. The folder is locked meanwhile, so that two writers don't lose each other's.
 * @throws HeadstartError when it is prepared: E_ARTIFACT, E_ARCHIVE, E_IMAGE_NOT_FOUND
 */
export function attachingToArchive({ path }: FileLocation, lock: LockOptions): ImageTarget {
  const name = `oci-archive:${path}`
  const blobs: Blob[] = []
  return {
    name,
    async prepare() {
      await using stack = new AsyncDisposableStack()
      await readIndex(await openUncompressed(path, name, stack), name)
    },
    async putBlob(blob) {
      blobs.push(blob)
      return { existed: false }
    },
    async putManifest() {
      throw new HeadstartError('E_TARGET_EXISTS', `${name} already exists`)
    },
    async putReferrer(manifest) {
      const place = await realpath(path)
      const folder = dirname(place)
      const work = () => writeAnew({ place, name }, { manifest, blobs: blobs.splice(0) }, lock.signal)
      await withFolderLock(folder, work, lock).catch((error: unknown) => {
        throw explained(ifDiskFull(error, folder), 'E_TARGET', `${name} can't be written`)
      })
    },
    async [Symbol.asyncDispose]() {},
  }
}

const readIndex = async (archive: Archive, name: string): Promise<LayoutEntry[]> =>
  parseLayoutIndex(await archive.small('index.json', MAX_MANIFEST_BYTES), name)

interface Added {
  readonly manifest: ReferrerManifest
  readonly blobs: readonly Blob[]
}

async function writeAnew(
  { place, name }: { readonly place: string; readonly name: string },
  added: Added,
  signal: AbortSignal | undefined,
): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const archive = await openUncompressed(place, name, stack)
  const { mode, uid, gid } = await stat(place)
  await removeLeftovers(dirname(place), basename(place))
  await placeWhole(place, async (beside) => {
    const out = createWriteStream(beside, { flags: 'wx', ...(signal && { signal }) })
    await fill(new TarWriter(out), archive, { name, added }).finally(() => out.destroy())
    await chown(beside, uid, gid).catch(() => {}) // somebody else's stays theirs if we may give it to them
    await chmod(beside, mode & 0o777)
  })
}

/** All that the archive had but its index, then what is new, then the index. */
async function fill(
  tar: TarWriter,
  archive: Archive,
  { name, added }: { readonly name: string; readonly added: Added },
): Promise<void> {
  const { manifest, blobs } = added
  const index = indexWith(await readIndex(archive, name), { attached: [manifest.referrer] })
  const old = archive.index.entry('index.json')
  const after = old.offset + old.size + paddingOf(old.size)
  for (const [start, end] of [
    [0, old.start],
    [after, archive.index.end],
  ] as const)
    if ((await tar.raw(archive.stream({ offset: start, size: end - start }))) < end - start)
      throw archiveError(name, 'it ends inside the padding of a file')
  for (const blob of [...blobs, bytesBlob(manifest.referrer, manifest.bytes)]) {
    const { descriptor } = blob
    if (await has(archive, descriptor)) continue
    await tar.file(blobPath(descriptor.digest), descriptor.size, await blob.open())
  }
  await tar.bytes('index.json', Buffer.from(JSON.stringify(index)))
  await tar.end()
}

/** What is damaged is written again: of two files of one name the later counts. */
async function has(archive: Archive, { digest, size }: Descriptor): Promise<boolean> {
  const entry = archive.index.find(blobPath(digest))
  return entry?.size === size && (await hashStream(archive.stream(entry))).digest === digest
}
