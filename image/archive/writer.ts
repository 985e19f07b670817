/**
 * Writes an image as a tar while its blobs arrive: an OCI layout, plus, for Docker, a `manifest.json` that points into it (what
 * current engines save, and all engines load). So an image comes out of any archive with the digests it had.
 */
import type { Writable } from 'node:stream'
import { HeadstartError } from '../../system/errors.ts'
import { digestOf } from '../digest.ts'
import { blobPath, indexWith, LAYOUT_DOCUMENT } from '../layout/index-file.ts'
import { parseManifest } from '../manifest.ts'
import type { Blob, Descriptor, Digest, Referrer, ReferrerManifest, TaggedManifest } from '../types.ts'
import { TarWriter } from './tar-writer.ts'

export interface ArchiveNames {
  /** under which the image stands in `index.json` */
  readonly tag: string | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** for Docker: `RepoTags` of `manifest.json`, which is written only if this is given */
  readonly repoTags?: readonly string[] | undefined
}

export class ArchiveWriter {
  private readonly tar: TarWriter
  private readonly names: ArchiveNames
  private readonly done = new Set<Digest>()
  private readonly attached: Referrer[] = []
  private readonly others = new Map<string | undefined, Descriptor>()
  /** the manifest under the archive's tag */
  private root: { readonly bytes: Uint8Array; readonly descriptor: Descriptor } | undefined

  constructor(out: Writable, names: ArchiveNames) {
    this.tar = new TarWriter(out)
    this.names = names
    this.tar.inTurn(() => this.tar.bytes('oci-layout', Buffer.from(LAYOUT_DOCUMENT))).catch(() => {}) // the next file, or the end, fails with it
  }

  async putBlob(blob: Blob, signal: AbortSignal | undefined): Promise<{ existed: boolean }> {
    return this.tar.inTurn(async () => {
      const { digest, size } = blob.descriptor
      if (this.done.has(digest)) return { existed: true }
      await this.tar.file(blobPath(digest), size, await blob.open(undefined, signal))
      this.done.add(digest)
      return { existed: false }
    })
  }

  /** The one that is `tagged` is the image that the archive is of. */
  async putManifest(bytes: Uint8Array, mediaType: string, tagged: boolean): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
    await this.tar.inTurn(async () => {
      if (!this.done.has(descriptor.digest)) await this.tar.bytes(blobPath(descriptor.digest), bytes)
      this.done.add(descriptor.digest)
    })
    if (tagged) this.root = { bytes, descriptor }
    return descriptor
  }

  async putReferrer({ bytes, referrer }: ReferrerManifest): Promise<void> {
    await this.putManifest(bytes, referrer.mediaType, false)
    this.attached.push(referrer)
  }

  /** Beside the image. */
  async putTagged({ tag, bytes, mediaType }: TaggedManifest): Promise<void> {
    this.others.set(tag, await this.putManifest(bytes, mediaType, false))
  }

  /** Completes the archive, and ends its stream. The image is there. */
  async finish(): Promise<void> {
    const { root, names, attached } = this
    if (!root) throw new Error('an archive is of an image')
    const { tag, annotations, repoTags } = names
    const descriptor = { ...root.descriptor, ...(annotations && { annotations }) }
    const placed = new Map([...this.others, [tag, descriptor]])
    const index = JSON.stringify(indexWith([], { placed, attached }))
    await this.tar.inTurn(async () => {
      await this.tar.bytes('index.json', Buffer.from(index))
      if (repoTags)
        await this.tar.bytes('manifest.json', dockerDocument(root.bytes, descriptor.mediaType, repoTags))
      await this.tar.end()
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
