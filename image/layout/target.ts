/**
 * An OCI layout as a target. An image appears at once, with all that is attached to it, or not at all: blobs are placed by rename, `index.json` is
 * written last, and what a failed write added is removed again.
 */
import { createWriteStream } from 'node:fs'
import { readdir, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { codeOf, explained, HeadstartError, ifDiskFull, messageOf } from '../../system/errors.ts'
import { placeWhole, writeNew } from '../../system/files/atomic-file.ts'
import { exists } from '../../system/files/exists.ts'
import { isLeftover, removeLeftovers } from '../../system/files/leftovers.ts'
import { type LockOptions, withFolderLock } from '../../system/files/lock.ts'
import { makeFolder } from '../../system/files/make-folder.ts'
import { readWhole } from '../../system/files/read-whole.ts'
import { digestOf } from '../digest.ts'
import type { FileLocation } from '../location.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { tagTaken } from '../referrers/cosign-tags.ts'
import type {
  Blob,
  Descriptor,
  Digest,
  ImageTarget,
  Referrer,
  ReferrerManifest,
  TaggedManifest,
} from '../types.ts'
import { blobFile, isWhole, layoutName, readIndex } from './folder.ts'
import { indexWith, LAYOUT_DOCUMENT, taggedIn } from './index-file.ts'

interface LayoutOptions extends LockOptions {
  /** to images that are there: each artifact appears when it is put */
  readonly attaching?: boolean
}

/** A target at `oci:DIR[:TAG]`. @throws HeadstartError E_TARGET_EXISTS when prepared */
export function layoutTarget(location: FileLocation, options: LayoutOptions = {}): ImageTarget {
  if (location.digest)
    throw new HeadstartError('E_TARGET', `${layoutName(location)} names a digest; a target takes a tag`)
  return new LayoutTarget(location, options)
}

/** Writing the index takes less. Where the lock is held for longer, leftover blobs stay, which do no harm. */
const UNDO_MS = 2000

function ifLocked(error: unknown): false {
  if (codeOf(error) === 'E_LOCKED') return false
  throw error
}

class LayoutTarget implements ImageTarget {
  readonly name: string
  private readonly folder: string
  private readonly tag: string | undefined
  private readonly options: LayoutOptions
  /** what the index gets when it is written */
  private readonly added = {
    placed: new Map<string | undefined, Descriptor>(),
    attached: [] as Referrer[],
  }
  private readonly written = new Set<string>()
  /** blobs that existed already */
  private readonly found = new Set<string>()
  private readonly made: string[] = []
  private committed = false
  private indexBefore: string | undefined

  constructor({ path, tag }: FileLocation, options: LayoutOptions) {
    this.options = options
    this.name = layoutName({ path, tag, digest: undefined })
    this.folder = path
    this.tag = tag
  }

  async prepare(options: { force: boolean }): Promise<void> {
    await this.begin(options).catch((error: unknown) => {
      throw ifDiskFull(error, this.folder)
    })
  }

  private async begin({ force }: { force: boolean }): Promise<void> {
    const names = await this.entries()
    if (names.length > 0) await this.checkExisting(force)
    await this.make(this.folder)
    this.indexBefore = await this.indexText()
    if (!names.includes('oci-layout')) await this.write('oci-layout', LAYOUT_DOCUMENT)
    for (const folder of ['blobs', 'blobs/sha256']) await this.make(join(this.folder, folder))
    await removeLeftovers(join(this.folder, 'blobs/sha256'))
  }

  /** What is in the folder, without what a killed writer left or another one is writing. */
  private async entries(): Promise<string[]> {
    try {
      await removeLeftovers(this.folder)
      return (await readdir(this.folder)).filter((name) => !isLeftover(name))
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return []
      throw new HeadstartError('E_TARGET', `${this.name}: ${messageOf(cause)}`, { cause })
    }
  }

  private async make(folder: string): Promise<void> {
    const first = await makeFolder(folder)
    if (first !== undefined) this.made.push(folder)
  }

  private async checkExisting(force: boolean): Promise<void> {
    const index = await readIndex(this.folder, this.name).catch((cause: unknown) => {
      if (codeOf(cause) !== 'E_IMAGE_NOT_FOUND') throw cause
      throw new HeadstartError('E_TARGET_EXISTS', `${this.folder} already exists and is not an OCI layout`, {
        hint: 'Choose a new or empty folder for the layout',
      })
    })
    if (index && taggedIn(index, this.tag) && !force)
      throw new HeadstartError('E_TARGET_EXISTS', `${this.name} already exists`, {
        hint: 'Choose another tag, or replace it with --force',
      })
  }

  async hasBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean> {
    const path = blobFile(this.folder, descriptor.digest)
    const isThere = (await exists(path)) && (await isWhole(path, descriptor, signal))
    if (isThere) this.found.add(path)
    return isThere
  }

  async putBlob(blob: Blob, signal?: AbortSignal): Promise<{ existed: boolean }> {
    const path = blobFile(this.folder, blob.descriptor.digest)
    if (await this.hasBlob(blob.descriptor, signal)) return { existed: true }
    const isThere = await exists(path)
    try {
      await placeWhole(path, async (beside) =>
        pipeline(
          await blob.open(undefined, signal),
          createWriteStream(beside, { flags: 'wx', highWaterMark: 1 << 20 }),
          { signal },
        ),
      )
    } catch (error) {
      throw explained(ifDiskFull(error, this.folder), 'E_TARGET', `${this.name} can't be written`)
    }
    this.placed(path, isThere)
    return { existed: false }
  }

  /** A damaged blob that was mended stays even if the image fails: another one may stand on it. */
  private placed(path: string, wasThere: boolean): void {
    if (wasThere) this.found.add(path)
    else this.written.add(path)
  }

  async putManifest(bytes: Uint8Array, mediaType: string, options: { tagged: boolean }): Promise<Descriptor> {
    try {
      return await this.placeManifest(bytes, mediaType, options)
    } catch (error) {
      throw explained(ifDiskFull(error, this.folder), 'E_TARGET', `${this.name} can't be written`)
    }
  }

  private async placeManifest(
    bytes: Uint8Array,
    mediaType: string,
    { tagged }: { tagged: boolean },
  ): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
    const path = blobFile(this.folder, descriptor.digest)
    const isThere = await exists(path)
    if (!isThere || !(await isWhole(path, descriptor))) {
      await makeFolder(dirname(path)) // removed when another writer failed in the meantime
      await placeWhole(path, (beside) => writeNew(beside, bytes))
      this.placed(path, isThere)
    }
    if (!tagged) return descriptor
    this.added.placed.set(this.tag, descriptor)
    await this.commit()
    return descriptor
  }

  async putReferrer({ bytes, referrer }: ReferrerManifest): Promise<void> {
    await this.putManifest(bytes, referrer.mediaType, { tagged: false })
    this.added.attached.push(referrer)
    if (this.options.attaching) await this.commit()
  }

  async putTagged({ tag, bytes, mediaType }: TaggedManifest, { force }: { force: boolean }): Promise<void> {
    const there = await this.digestUnder(tag)
    if (there !== undefined && there !== digestOf(bytes) && !force) throw tagTaken(this.name, tag)
    this.added.placed.set(tag, await this.putManifest(bytes, mediaType, { tagged: false }))
    if (this.options.attaching) await this.commit()
  }

  replaced(): Promise<Digest | undefined> {
    return this.digestUnder(this.tag)
  }

  private async digestUnder(tag: string | undefined): Promise<Digest | undefined> {
    const index = await readIndex(this.folder, this.name).catch(() => undefined)
    return index && taggedIn(index, tag)?.descriptor.digest
  }

  private commit(): Promise<void> {
    return withFolderLock(this.folder, () => this.changeIndex(), this.options)
  }

  private async changeIndex(): Promise<void> {
    // Until an image is in the index, another writer of this layout that fails removes its blobs, and some of them may be ours too.
    for (const path of [...this.found, ...this.written])
      if (!(await stat(path).catch(() => undefined)))
        throw new HeadstartError(
          'E_TARGET',
          `${this.name}: another command removed ${path} in the meantime`,
          {
            hint: 'Run the command again',
          },
        )
    const index = (await readIndex(this.folder, this.name)) ?? []
    await this.write('index.json', JSON.stringify(indexWith(index, this.added)))
    this.committed = true
  }

  private indexText(): Promise<string | undefined> {
    return readWhole(join(this.folder, 'index.json'), MAX_MANIFEST_BYTES).then(String, () => undefined)
  }

  private write(name: string, text: string): Promise<void> {
    return placeWhole(join(this.folder, name), (beside) => writeNew(beside, text))
  }

  /** Without a tagged manifest there is no image: its blobs are removed, and so are the folders we created if nothing else is in them. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.committed || (this.written.size === 0 && this.made.length === 0)) return
    if (!(await stat(this.folder).catch(() => undefined))) return
    // Without the signal that may have ended the work: what it wrote is removed all the same. Nobody is kept waiting for that.
    const limitMs = Math.min(this.options.limitMs ?? UNDO_MS, UNDO_MS)
    const isUndone = await withFolderLock(this.folder, () => this.undo(), { limitMs }).catch(ifLocked)
    // Only after the lock is released, which lies in the folder. A folder that another writer has put something into stays.
    if (isUndone) for (const folder of this.made.reverse()) await rmdir(folder).catch(() => {})
  }

  private async undo(): Promise<boolean> {
    // Another image was added in the meantime and may use our blobs: leftover blobs do no harm.
    if ((await this.indexText()) !== this.indexBefore) return false
    await Promise.all([...this.written].map((path) => rm(path, { force: true })))
    if (this.made.includes(this.folder)) await rm(join(this.folder, 'oci-layout'), { force: true })
    return true
  }
}
