/**
 * OCI image layouts: a folder of blobs, named by an index. Written so that an image appears at once or not at all: blobs by rename,
 * `index.json` last; what a failed write brought is taken away again.
 *
 * Source: OCI image-spec, image-layout.md.
 */
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { placeWhole, writeNew } from '../../system/atomic-file.ts'
import { codeOf, explained, HeadstartError, messageOf } from '../../system/errors.ts'
import { isLeftover, removeLeftovers } from '../../system/leftovers.ts'
import { type LockOptions, withFolderLock } from '../../system/lock.ts'
import { openRegular, readWhole } from '../../system/read-whole.ts'
import { digestOf } from '../digest.ts'
import type { FileLocation } from '../location.ts'
import { MAX_MANIFEST_BYTES } from '../manifest.ts'
import { type BlobStore, completeSource, type RawDocument } from '../source-from-store.ts'
import type { Blob, Descriptor, Digest, ImageSource, ImageTarget } from '../types.ts'
import {
  checkLayoutVersion,
  LAYOUT_DOCUMENT,
  type LayoutEntry,
  parseLayoutIndex,
  placeInIndex,
  selectFromIndex,
  taggedIn,
} from './index-file.ts'

const nameOf = ({ path, tag, digest }: FileLocation): string =>
  `oci:${path}${digest ? `@${digest}` : tag ? `:${tag}` : ''}`

const blobPath = (folder: string, digest: Digest): string =>
  join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length))

/** @throws HeadstartError E_IMAGE_NOT_FOUND, E_LAYOUT */
export async function openLayout(location: FileLocation): Promise<ImageSource> {
  const name = nameOf(location)
  const index = await readIndex(location.path, name)
  if (!index)
    throw new HeadstartError(
      'E_IMAGE_NOT_FOUND',
      `${name}: ${location.path} holds no image: it has no index.json`,
    )
  const descriptor = selectFromIndex(index, location, name)
  return completeSource(layoutStore(location.path, name, descriptor))
}

function layoutStore(folder: string, name: string, descriptor: Descriptor): BlobStore {
  return {
    name,
    async root(): Promise<RawDocument> {
      const path = blobPath(folder, descriptor.digest)
      const bytes = await readWhole(path, MAX_MANIFEST_BYTES).catch((cause: unknown) => {
        if (codeOf(cause) === 'E_TOO_LARGE') throw cause
        throw blobMissing(name, descriptor.digest, cause)
      })
      return { descriptor, bytes }
    },
    async open({ digest, size }, range, signal) {
      const path = blobPath(folder, digest)
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
        highWaterMark: Math.min(1 << 20, wanted + 1), // memory of that size is taken for each read
        ...(range && { start: range.start, end: range.end - 1 }),
        ...(signal && { signal }),
      })
    },
    async [Symbol.asyncDispose]() {},
  }
}

const blobMissing = (name: string, digest: Digest, cause: unknown): HeadstartError =>
  new HeadstartError('E_BLOB_MISSING', `${name} lacks the blob ${digest}: ${messageOf(cause)}`, { cause })

/** @returns undefined where no image was written yet, or the first writer was killed */
async function readIndex(folder: string, name: string): Promise<LayoutEntry[] | undefined> {
  const version = await readWhole(join(folder, 'oci-layout'), MAX_MANIFEST_BYTES).catch((cause: unknown) => {
    if (codeOf(cause) !== 'ENOENT' && codeOf(cause) !== 'ENOTDIR') throw cause
    throw new HeadstartError(
      'E_IMAGE_NOT_FOUND',
      `${name}: ${folder} is no OCI layout: it has no oci-layout file`,
    )
  })
  checkLayoutVersion(version, name)
  const text = await readWhole(join(folder, 'index.json'), MAX_MANIFEST_BYTES).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw cause
  })
  return text && parseLayoutIndex(text, name)
}

/** A target at `oci:DIR[:TAG]`. @throws HeadstartError E_TARGET_EXISTS when prepared */
export function layoutTarget(location: FileLocation, lock: LockOptions = {}): ImageTarget {
  if (location.digest)
    throw new HeadstartError('E_TARGET', `${nameOf(location)} names a digest; a target takes a tag`)
  return new LayoutTarget(location, lock)
}

class LayoutTarget implements ImageTarget {
  readonly name: string
  private readonly folder: string
  private readonly tag: string | undefined
  private readonly lock: LockOptions
  private readonly written = new Set<string>()
  /** were there already */
  private readonly found = new Set<string>()
  private readonly made: string[] = []
  private committed = false
  private indexBefore: string | undefined

  constructor({ path, tag }: FileLocation, lock: LockOptions) {
    this.lock = lock
    this.name = nameOf({ path, tag, digest: undefined })
    this.folder = path
    this.tag = tag
  }

  async prepare({ force }: { force: boolean }): Promise<void> {
    const names = await this.entries()
    if (names.length > 0) await this.checkExisting(force)
    await this.make(this.folder)
    this.indexBefore = await this.indexText()
    if (!names.includes('oci-layout')) await this.write('oci-layout', LAYOUT_DOCUMENT)
    for (const folder of ['blobs', 'blobs/sha256']) await this.make(join(this.folder, folder))
    await removeLeftovers(join(this.folder, 'blobs/sha256'))
  }

  /** What is in the folder, but for what a killed writer left, or another one is at. */
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
    const first = await mkdir(folder, { recursive: true })
    if (first !== undefined) this.made.push(folder)
  }

  private async checkExisting(force: boolean): Promise<void> {
    const index = await readIndex(this.folder, this.name).catch((cause: unknown) => {
      if (codeOf(cause) !== 'E_IMAGE_NOT_FOUND') throw cause
      throw new HeadstartError('E_TARGET_EXISTS', `${this.folder} is there already, and is no OCI layout`, {
        hint: 'Give a folder of its own to the layout',
      })
    })
    if (index && taggedIn(index, this.tag) && !force)
      throw new HeadstartError('E_TARGET_EXISTS', `${this.name} exists already`, {
        hint: 'Choose another tag, or replace it with --force',
      })
  }

  async putBlob(blob: Blob, signal?: AbortSignal): Promise<{ existed: boolean }> {
    const path = blobPath(this.folder, blob.descriptor.digest)
    const there = await stat(path).catch(() => undefined)
    if (there?.isFile() && there.size === blob.descriptor.size) {
      this.found.add(path)
      return { existed: true }
    }
    try {
      await placeWhole(path, async (beside) =>
        pipeline(
          await blob.open(undefined, signal),
          createWriteStream(beside, { flags: 'wx', highWaterMark: 1 << 20 }),
          { signal },
        ),
      )
    } catch (error) {
      throw explained(error, 'E_TARGET', `${this.name} can't be written`)
    }
    this.written.add(path)
    return { existed: false }
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    { tagged }: { tagged: boolean },
  ): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
    const path = blobPath(this.folder, descriptor.digest)
    if ((await stat(path).catch(() => undefined))?.size !== bytes.length) {
      await mkdir(dirname(path), { recursive: true }) // gone when another writer failed meanwhile
      await placeWhole(path, (beside) => writeNew(beside, bytes))
      this.written.add(path)
    }
    if (tagged) await withFolderLock(this.folder, () => this.commit(descriptor), this.lock)
    return descriptor
  }

  private async commit(descriptor: Descriptor): Promise<void> {
    // Until an image is in the index, whoever else writes this layout and fails takes its blobs away, of which some may be ours too.
    for (const path of [...this.found, ...this.written])
      if (!(await stat(path).catch(() => undefined)))
        throw new HeadstartError('E_TARGET', `${this.name}: another write took ${path} away meanwhile`, {
          hint: 'Run the command again',
        })
    const index = (await readIndex(this.folder, this.name)) ?? []
    await this.write('index.json', JSON.stringify(placeInIndex(index, descriptor, this.tag)))
    this.committed = true
  }

  private indexText(): Promise<string | undefined> {
    return readWhole(join(this.folder, 'index.json'), MAX_MANIFEST_BYTES).then(String, () => undefined)
  }

  private write(name: string, text: string): Promise<void> {
    return placeWhole(join(this.folder, name), (beside) => writeNew(beside, text))
  }

  /** Without a tagged manifest the image never was: its blobs go, and the folders we made when nothing else is in them. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.committed || (this.written.size === 0 && this.made.length === 0)) return
    if (!(await stat(this.folder).catch(() => undefined))) return
    // Not with the signal that may have ended the work: what it brought is taken away all the same.
    const { signal: _, ...lock } = this.lock
    const isTakenBack = await withFolderLock(this.folder, () => this.takeBack(), lock)
    // Not before the lock is given back, which lies in the folder. One that another writer has put something into stays.
    if (isTakenBack) for (const folder of this.made.reverse()) await rmdir(folder).catch(() => {})
  }

  private async takeBack(): Promise<boolean> {
    // Another image came meanwhile, and may stand on our blobs: one too many harms nobody.
    if ((await this.indexText()) !== this.indexBefore) return false
    await Promise.all([...this.written].map((path) => rm(path, { force: true })))
    if (this.made.includes(this.folder)) await rm(join(this.folder, 'oci-layout'), { force: true })
    return true
  }
}
