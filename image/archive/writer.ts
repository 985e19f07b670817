/**
 * Writes an image as a tar while its blobs arrive: an OCI layout, plus, for Docker, a `manifest.json` that points into it (what
 * current engines save, and all engines load). So an image comes out of any archive with the digests it had.
 */

import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { HeadstartError } from '../../system/errors.ts'
import { digestOf } from '../digest.ts'
import { blobPath, LAYOUT_DOCUMENT, placeInIndex } from '../layout/index-file.ts'
import { parseManifest } from '../manifest.ts'
import { END_OF_TAR, plainFileHeader } from '../tar/encode.ts'
import { paddingOf } from '../tar/entry.ts'
import type { Blob, Descriptor, Digest } from '../types.ts'

export interface ArchiveNames {
  /** under which the image stands in `index.json` */
  readonly tag: string | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** for Docker: `RepoTags` of `manifest.json`, which is written only if this is given */
  readonly repoTags?: readonly string[] | undefined
}

export class ArchiveWriter {
  private readonly out: Writable
  private readonly names: ArchiveNames
  private readonly done = new Set<Digest>()
  /** settles when everything so far is written: files go into a tar one after the other */
  private last: Promise<unknown>

  constructor(out: Writable, names: ArchiveNames) {
    this.out = out
    this.out.on('error', () => {}) // the writer gets the error from `write`
    this.names = names
    this.last = this.bytes('oci-layout', Buffer.from(LAYOUT_DOCUMENT))
    this.last.catch(() => {}) // the next file, or the end, fails with it
  }

  async putBlob(blob: Blob, signal: AbortSignal | undefined): Promise<{ existed: boolean }> {
    return this.inTurn(async () => {
      const { digest, size } = blob.descriptor
      if (this.done.has(digest)) return { existed: true }
      await this.file(blobPath(digest), size, await blob.open(undefined, signal))
      this.done.add(digest)
      return { existed: false }
    })
  }

  /** With `tagged` the archive is complete, and its stream ends. */
  async putManifest(bytes: Uint8Array, mediaType: string, tagged: boolean): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
    await this.inTurn(async () => {
      if (!this.done.has(descriptor.digest)) await this.bytes(blobPath(descriptor.digest), Buffer.from(bytes))
      this.done.add(descriptor.digest)
      if (tagged) await this.finish(bytes, descriptor)
    })
    return descriptor
  }

  private async finish(manifest: Uint8Array, descriptor: Descriptor): Promise<void> {
    const { tag, annotations, repoTags } = this.names
    const index = placeInIndex([], { ...descriptor, ...(annotations && { annotations }) }, tag)
    await this.bytes('index.json', Buffer.from(JSON.stringify(index)))
    if (repoTags) await this.bytes('manifest.json', dockerDocument(manifest, descriptor.mediaType, repoTags))
    this.out.end(END_OF_TAR)
    await finished(this.out, { readable: false })
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work)
    this.last = result
    result.catch(() => {}) // the caller has it too
    return result
  }

  private bytes(path: string, content: Buffer): Promise<void> {
    return this.write([
      plainFileHeader(path, content.length),
      content,
      Buffer.alloc(paddingOf(content.length)),
    ])
  }

  private async file(path: string, size: number, content: Readable): Promise<void> {
    await this.write([plainFileHeader(path, size)])
    for await (const piece of content) await this.write([piece])
    await this.write([Buffer.alloc(paddingOf(size))])
  }

  private async write(parts: readonly Buffer[]): Promise<void> {
    for (const part of parts)
      await new Promise<void>((resolve, reject) => {
        this.out.write(part, (error) => (error ? reject(error) : resolve()))
      })
  }
}

function dockerDocument(manifest: Uint8Array, mediaType: string, repoTags: readonly string[]): Buffer {
  const parsed = parseManifest(manifest, mediaType, 'the image')
  if (parsed.kind === 'index')
    throw new HeadstartError('E_TARGET', 'a Docker archive contains images of a single platform', {
      hint: 'Choose one with --platform',
    })
  const { config, layers } = parsed.manifest
  const document = [
    {
      Config: blobPath(config.digest),
      RepoTags: repoTags,
      Layers: layers.map(({ digest }) => blobPath(digest)),
    },
  ]
  return Buffer.from(JSON.stringify(document))
}
