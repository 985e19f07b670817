/** Archives as targets: written to a temporary file next to the final one, renamed when complete. */
import { createWriteStream, type WriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  diskFull,
  explained,
  HeadstartError,
  ifDiskFull,
  isDiskFull,
  messageOf,
} from '../../system/errors.ts'
import { besideName, removeLeftovers } from '../../system/files/leftovers.ts'
import { makeFolder } from '../../system/files/make-folder.ts'
import type { FileLocation } from '../location.ts'
import { familiarName, formatReference, type Reference } from '../reference.ts'
import type { ImageTarget } from '../types.ts'
import { type ArchiveNames, ArchiveWriter } from './writer.ts'

export function ociArchiveTarget({ path, tag, digest }: FileLocation): ImageTarget {
  const name = `oci-archive:${path}${tag ? `:${tag}` : ''}`
  if (digest) throw new HeadstartError('E_TARGET', `${name} names a digest; a target takes a tag`)
  return archiveTarget(path, name, { tag })
}

export function dockerArchiveTarget(path: string, reference: Reference | undefined): ImageTarget {
  const name = `docker-archive:${path}${reference ? `:${formatReference(reference)}` : ''}`
  // Docker knows nothing that is attached to an image.
  const { putReferrer: _, putTagged: __, ...target } = archiveTarget(path, name, dockerNames(reference))
  return target
}

/** As Docker writes them; an image without a name can be loaded, and is then only known by its ID. */
export function dockerNames(reference: Reference | undefined): ArchiveNames {
  if (reference?.digest) throw new HeadstartError('E_TARGET', 'a Docker archive takes a tag, not a digest')
  if (!reference) return { tag: undefined, repoTags: [] }
  return {
    tag: reference.tag,
    annotations: { 'io.containerd.image.name': formatReference(reference) },
    repoTags: [familiarName(reference)],
  }
}

function archiveTarget(path: string, name: string, names: ArchiveNames): ImageTarget {
  let beside: string | undefined
  let out: WriteStream | undefined
  let writer: ArchiveWriter | undefined
  const failed = (error: unknown): never => {
    throw explained(ifDiskFull(error, dirname(path)), 'E_TARGET', `${name} can't be written`)
  }
  const prepared = (): ArchiveWriter => {
    if (!writer) throw new Error(`${name} was not prepared`)
    return writer
  }
  return {
    name,
    async prepare({ force }) {
      beside = await makeRoom(path, name, force)
      out = createWriteStream(beside, { flags: 'wx' })
      writer = new ArchiveWriter(out, names)
    },
    putBlob: (blob, signal) => prepared().putBlob(blob, signal).catch(failed),
    async putManifest(bytes, mediaType, { tagged }) {
      const descriptor = await prepared().putManifest(bytes, mediaType, tagged).catch(failed)
      if (!tagged) return descriptor
      await prepared().finish().catch(failed)
      if (beside !== undefined) await rename(beside, path)
      return descriptor
    },
    putReferrer: (manifest) => prepared().putReferrer(manifest).catch(failed),
    putTagged: (manifest) => prepared().putTagged(manifest).catch(failed),
    async [Symbol.asyncDispose]() {
      out?.destroy()
      if (beside !== undefined) await rm(beside, { force: true })
    },
  }
}

/** @returns the file to write, beside the one that it is to become */
async function makeRoom(path: string, name: string, force: boolean): Promise<string> {
  const there = await stat(path).catch(() => undefined)
  if (there && !(force && there.isFile()))
    throw new HeadstartError('E_TARGET_EXISTS', `${path} already exists`, {
      hint: there.isFile() ? 'Choose another file, or replace it with --force' : 'Choose another file',
    })
  await makeFolder(dirname(path)).catch((cause: unknown) => {
    if (isDiskFull(cause)) throw diskFull(dirname(path), cause)
    throw new HeadstartError('E_TARGET', `${name}: ${messageOf(cause)}`, { cause })
  })
  await removeLeftovers(dirname(path), basename(path))
  return join(dirname(path), await besideName(basename(path)))
}
