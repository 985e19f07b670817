/**
 * What an image is, wherever it is stored. Sources (registry, engine, OCI layout, archive) give
 * an `Image`; targets take one. Nothing is read before it is asked for, and whole blobs are checked while they are read.
 */
import type { Readable } from 'node:stream'
import type { ByteRange, Digest } from './digest.ts'

export type { ByteRange, Digest }

export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | undefined
  /** of Windows: the build that it runs on. It distinguishes images of an index, and can't be asked for */
  readonly osVersion?: string | undefined
}

/** OCI content descriptor. Unknown fields are kept in `raw` manifests, never here. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** bytes of the blob as stored */
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly platform?: Platform | undefined
  readonly urls?: readonly string[] | undefined
}

/** What says of itself what it is about: a profile, a signature, a bill of materials. As a list of them names it. */
export interface Referrer extends Descriptor {
  /** its own, or its config's media type; undefined: the list doesn't say */
  readonly artifactType?: string | undefined
}

/** The manifest (or index) of a referrer, for a target that has its blobs. */
export interface ReferrerManifest {
  readonly referrer: Referrer
  /** the exact bytes of `referrer` */
  readonly bytes: Uint8Array
  readonly subject: Digest
}

/** For a target that has its blobs. */
export interface TaggedManifest {
  readonly tag: string
  readonly bytes: Uint8Array
  readonly mediaType: string
}

export interface Manifest {
  readonly mediaType: string
  readonly config: Descriptor
  /** base layer first */
  readonly layers: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** What a container is started with; the parts of the config's `config` object that we use. */
export interface ProcessConfig {
  readonly env: readonly string[]
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly workingDir: string
  readonly user: string
  readonly stopSignal: string | undefined
  readonly exposedPorts: readonly string[]
  readonly volumes: readonly string[]
  readonly healthcheck: readonly string[] | undefined
}

export interface HistoryEntry {
  readonly createdBy?: string | undefined
  readonly emptyLayer: boolean
}

export interface ImageConfig {
  readonly platform: Platform
  readonly process: ProcessConfig
  /** sha256 of each layer uncompressed, base first */
  readonly diffIds: readonly Digest[]
  readonly history: readonly HistoryEntry[]
}

/** A repository that has a blob, from which another repository of the same registry can mount it. */
export interface MountOrigin {
  readonly host: string
  readonly repository: string
}

/** How a registry answered when it was asked for the first bytes of a blob. */
export interface RangeAnswer {
  /** 206 as a lazy mount needs it; 200: it ignores ranges, and was sending the whole blob */
  readonly status: 200 | 206
  /** a 206 that says which bytes of how many it has, and they are the right ones */
  readonly isRight: boolean
  /** that were followed to get it */
  readonly redirects: number
  /** who answered in the end, with the port */
  readonly host: string
}

/** Bytes with a descriptor, in memory or anywhere else. */
export interface Blob {
  readonly descriptor: Descriptor
  readonly origin?: MountOrigin | undefined
  /**
   * The stored bytes. Without a range the stream fails at its end when digest or size differ from the descriptor; a range is
   * not checked (its reader checks the digests of chunks).
   */
  open(range?: ByteRange, signal?: AbortSignal): Promise<Readable>
  /** of a blob in a registry: asks as a lazy mount does, once. @throws HeadstartError as `open` */
  askRange?(signal?: AbortSignal): Promise<RangeAnswer>
}

export interface Layer extends Blob {
  readonly diffId: Digest
  /** of an image in a registry: see image/layers/external-toc.ts. @throws HeadstartError E_NO_TOC, and what the source throws */
  externalToc?(signal?: AbortSignal): Promise<Buffer>
}

/** One platform's image. */
export interface Image {
  /** as a person would write it, with its transport if it needs one */
  readonly reference: string
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  /** the exact bytes that `descriptor.digest` is the digest of */
  readonly rawManifest: Uint8Array
  readonly config: ImageConfig
  readonly rawConfig: Uint8Array
  readonly layers: readonly Layer[]
}

/** What is known of an image before its config. */
export interface KnownManifest {
  readonly descriptor: Descriptor
  /** base layer first */
  readonly layers: readonly Omit<Layer, 'diffId'>[]
}

/** An OCI index or Docker manifest list. */
export interface ImageIndex {
  readonly descriptor: Descriptor
  readonly rawIndex: Uint8Array
  readonly manifests: readonly Descriptor[]
}

export interface ImageSource extends AsyncDisposable {
  /** as a person would write it, e.g. `oci:out:latest` */
  readonly name: string
  /** The index when the reference names one, else undefined. */
  index(): Promise<ImageIndex | undefined>
  /**
   * The image of a platform (the host's by default) when the reference names an index, else the image itself.
   * @param onManifest told what the manifest says, at most once, by sources that know it before the image is complete
   * @throws HeadstartError E_IMAGE_NOT_FOUND, E_PLATFORM, E_MANIFEST, E_MEDIA_TYPE
   */
  image(platform?: Platform, onManifest?: (known: KnownManifest) => void): Promise<Image>
  /** The image of a manifest of the index. @throws HeadstartError as `image` */
  imageOf(descriptor: Descriptor): Promise<Image>
  /** Any blob by descriptor: manifests of an index and attestations among them. */
  blob(descriptor: Descriptor): Blob
  /** Of an image with a tag: the one in the same place under the same tag with this suffix. It is disposed with this one, and need not exist. */
  beside?(suffix: string): ImageSource
  /** Of an image in a registry that has a tag: what the tag names by now; undefined: nothing. @throws HeadstartError as `image` */
  current?(signal?: AbortSignal): Promise<Digest | undefined>
  /**
   * What is attached to a manifest, as it is listed and unchecked; only where artifacts can be attached.
   * @throws HeadstartError E_ARTIFACT: the list is wrong, or has too many; and what the source throws
   */
  referrers?(subject: Digest, signal?: AbortSignal): Promise<readonly Referrer[]>
  /** What is under another tag in the same place, for `blob` to read; undefined: nothing, or no manifest. Only where artifacts can be attached. */
  tagged?(tag: string, signal?: AbortSignal): Promise<Descriptor | undefined>
}

export interface ImageTarget extends AsyncDisposable {
  readonly name: string
  /** Of a registry: an image in the same repository, which shares its blobs, under the same tag with this suffix. It is disposed with this one. */
  beside?(suffix: string): ImageTarget
  /** Fails with E_TARGET_EXISTS when writing would replace another image and `force` was not given. Called first. */
  prepare(options: { force: boolean }): Promise<void>
  /** Whether the blob is there, whole, and would not be sent; only where that can be told. */
  hasBlob?(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean>
  /** @returns `existed`: the blob was there already and was not sent */
  putBlob(blob: Blob, signal?: AbortSignal): Promise<{ existed: boolean }>
  /**
   * Manifests go after their blobs. Untagged ones have no name yet, also in a registry that knows them by their digest. The one under the target's
   * tag is the very last, after all that is attached to it, and makes both appear at once.
   */
  putManifest(bytes: Uint8Array, mediaType: string, options: { tagged: boolean }): Promise<Descriptor>
  /**
   * Attaches what says itself what it is about, once that and its own blobs are there; only where artifacts can be attached.
   * @throws HeadstartError E_ARTIFACT: it is refused; and what the target throws
   */
  putReferrer?(manifest: ReferrerManifest): Promise<void>
  /**
   * Puts a manifest under another tag of the same place, once its blobs are there; only where artifacts can be attached.
   * @throws HeadstartError E_TARGET_EXISTS: the tag is another's, and `force` was not given
   */
  putTagged?(manifest: TaggedManifest, options: { force: boolean }): Promise<void>
  /** What the name stands for now, and `force` replaces; undefined: nothing, or nothing that can be read. */
  replaced?(): Promise<Digest | undefined>
}
