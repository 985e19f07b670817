/** Builds an OCI layout piece by piece, for images and indexes that no tool makes. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { digestOf } from '../../image/digest.ts'
import {
  DOCKER_CONFIG,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER_TAR,
  OCI_MANIFEST,
} from '../../image/media-types.ts'
import type { Digest } from '../../image/types.ts'
import { type TarItem, tarOf } from './tar.ts'

export const OCI_LAYER = OCI_LAYER_TAR
export const INDEX_TYPES = { oci: OCI_INDEX, docker: DOCKER_LIST } as const
const TYPES = {
  oci: { manifest: OCI_MANIFEST, config: OCI_CONFIG },
  docker: { manifest: DOCKER_MANIFEST, config: DOCKER_CONFIG },
} as const

export interface Part {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
}

export type LayerPart = Part & { readonly diffId: Digest; readonly [more: string]: unknown }

export interface ImageParts {
  readonly kind?: keyof typeof TYPES
  /** more of the manifest; more of the config */
  readonly manifest?: object
  readonly config?: object
}

export class Layout {
  readonly folder: string
  readonly place: string

  constructor(folder: string) {
    this.folder = folder
    this.place = `oci:${folder}:v1`
  }

  async put(bytes: Buffer, mediaType: string): Promise<Part> {
    await mkdir(join(this.folder, 'blobs/sha256'), { recursive: true })
    await writeFile(join(this.folder, 'blobs/sha256', digestOf(bytes).slice(7)), bytes)
    return { mediaType, digest: digestOf(bytes), size: bytes.length }
  }

  putJson(value: unknown, mediaType: string): Promise<Part> {
    return this.put(Buffer.from(JSON.stringify(value)), mediaType)
  }

  async image(
    architecture: string,
    layers: readonly LayerPart[],
    { kind = 'oci', manifest, config }: ImageParts = {},
  ): Promise<Part> {
    const diffIds = layers.map(({ diffId }) => diffId)
    const rawConfig = { os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: diffIds }, ...config }
    const rawManifest = {
      schemaVersion: 2,
      mediaType: TYPES[kind].manifest,
      config: await this.putJson(rawConfig, TYPES[kind].config),
      layers: layers.map(({ diffId: _, ...layer }) => layer),
      ...manifest,
    }
    return this.putJson(rawManifest, TYPES[kind].manifest)
  }

  async layer(
    items: readonly TarItem[],
    pack: (tar: Buffer) => Buffer = gzipSync,
    mediaType = `${OCI_LAYER}+gzip`,
  ): Promise<LayerPart> {
    const tar = await tarOf(items)
    return { ...(await this.put(pack(tar), mediaType)), diffId: digestOf(tar) }
  }

  index(manifests: readonly object[], more: object = {}): Promise<Part> {
    return this.putJson({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more }, OCI_INDEX)
  }

  /** @returns the reference of what is then named `v1` */
  async finish(part: Part): Promise<string> {
    const named = { ...part, annotations: { 'org.opencontainers.image.ref.name': 'v1' } }
    await writeFile(join(this.folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }))
    await writeFile(join(this.folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
    return this.place
  }
}
