/**
 * Small eStargz images as OCI layouts, put together by hand from the format's description: gzip members, a table of contents, a
 * footer. Only what a lazy reader looks at is there; the tar headers between are left out.
 */
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { encodeFooter } from '../../../../image/estargz/format/footer.ts'
import {
  encodeToc,
  PREFETCH_LANDMARK,
  TOC_DIGEST_ANNOTATION,
  TOC_NAME,
  type TocEntry,
} from '../../../../image/estargz/format/toc.ts'
import { file, tarOf } from '../../../support/tar.ts'

export interface LazyFile {
  readonly name: string
  readonly content?: Buffer
  /** other fields of the entry: type, linkName, mode, xattrs, … */
  readonly entry?: Partial<TocEntry>
  /** shares the member of the file before it */
  readonly shared?: boolean
}

export interface LazyLayerSpec {
  readonly zone?: readonly LazyFile[]
  readonly rest: readonly LazyFile[]
  readonly chunkSize?: number
  /** changes the finished blob before it is digested, where a test wants it damaged */
  readonly damage?: (blob: Buffer) => void
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

async function buildLayer({ zone, rest, chunkSize = 4 << 20, damage }: LazyLayerSpec) {
  const blob: Buffer[] = []
  const toc: TocEntry[] = []
  /** the member that is being filled */
  let open: { offset: number; content: Buffer } | undefined
  let size = 0
  const flush = () => {
    if (!open) return
    const member = gzipSync(open.content)
    blob.push(member)
    size += member.length
    open = undefined
  }
  const place = (content: Buffer, shared: boolean) => {
    if (!shared) flush()
    open ??= { offset: size, content: Buffer.alloc(0) }
    const at = { offset: open.offset, innerOffset: open.content.length }
    // As in a tar, padding follows the content.
    open.content = Buffer.concat([open.content, content, Buffer.alloc(512)])
    return at
  }
  const landmark: LazyFile[] = zone ? [{ name: PREFETCH_LANDMARK, content: Buffer.from([15]) }] : []
  for (const { name, content = Buffer.alloc(0), entry, shared = false } of [
    ...(zone ?? []),
    ...landmark,
    ...rest,
  ]) {
    const base = {
      name,
      type: 'reg',
      mode: 0o644,
      modtime: '2020-01-01T00:00:00Z',
      ...entry,
    } satisfies TocEntry
    if (base.type !== 'reg' || content.length === 0) {
      toc.push(base)
      continue
    }
    for (let chunkOffset = 0; chunkOffset < content.length; chunkOffset += chunkSize) {
      const chunk = content.subarray(chunkOffset, chunkOffset + chunkSize)
      const where = {
        ...place(chunk, shared),
        chunkOffset,
        chunkSize: chunk.length,
        chunkDigest: digestOf(chunk),
      }
      toc.push(
        chunkOffset === 0
          ? { ...base, size: content.length, digest: digestOf(content), ...where }
          : { name, type: 'chunk', ...where },
      )
    }
  }
  flush()
  const json = Buffer.concat([...encodeToc(toc)])
  const data = Buffer.concat(blob)
  damage?.(data)
  const bytes = Buffer.concat([
    data,
    gzipSync(await tarOf([file(TOC_NAME, json)])),
    encodeFooter(data.length),
  ])
  return { bytes, tocDigest: digestOf(json) }
}

/** @returns its reference, `oci:FOLDER:latest` */
export async function writeLazyImage(
  folder: string,
  specs: readonly LazyLayerSpec[],
  config: Record<string, unknown> = {},
): Promise<string> {
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true })
  const put = async (bytes: Buffer, mediaType: string) => {
    const digest = digestOf(bytes)
    await writeFile(join(folder, 'blobs/sha256', digest.slice(7)), bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const putJson = (value: unknown, mediaType: string) => put(Buffer.from(JSON.stringify(value)), mediaType)
  const layers = []
  for (const spec of specs) {
    const { bytes, tocDigest } = await buildLayer(spec)
    const descriptor = await put(bytes, 'application/vnd.oci.image.layer.v1.tar+gzip')
    layers.push({ ...descriptor, annotations: { [TOC_DIGEST_ANNOTATION]: tocDigest } })
  }
  const image = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config,
    // Whoever reads lazily never sees a whole layer uncompressed.
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: await putJson(image, 'application/vnd.oci.image.config.v1+json'),
    layers,
  }
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' }
  const index = { schemaVersion: 2, manifests: [{ ...(await putJson(manifest, mediaType)), annotations }] }
  await writeFile(join(folder, 'index.json'), JSON.stringify(index))
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  return `oci:${folder}:latest`
}
