/**
 * Makes an `ImageSource` from a store, which only has to give a root document and blobs by descriptor. Everything else
 * (platforms, configs, checks) is derived here, once.
 */
import type { Readable } from 'node:stream'
import { HeadstartError } from '../system/errors.ts'
import { readBounded } from '../system/files/read-bounded.ts'
import { MAX_CONFIG_BYTES, parseConfig } from './config.ts'
import { checkBytes, verifyingStream } from './digest.ts'
import { TOC_IMAGE_SUFFIX, tocsIn } from './layers/external-toc.ts'
import { checkLayerCount, MAX_MANIFEST_BYTES, type ParsedManifest, parseManifest } from './manifest.ts'
import { isManifestType } from './media-types.ts'
import { checkPlatform, hostPlatform, selectPlatform } from './platform.ts'
import { joined } from './progress.ts'
import { EMPTY_TYPE, referrerIn } from './referrers/list.ts'
import type {
  Blob,
  ByteRange,
  Descriptor,
  Digest,
  Image,
  ImageSource,
  MountOrigin,
  Platform,
  RangeAnswer,
  Referrer,
} from './types.ts'

/** A document that was read whole; its digest is checked by the user of it. */
export interface RawDocument {
  readonly descriptor: Descriptor
  readonly bytes: Buffer
}

export interface BlobStore extends AsyncDisposable {
  readonly name: string
  /** registry and repository that blobs can be mounted from */
  readonly origin?: MountOrigin | undefined
  /** the manifest or index that the reference names; called once */
  root(): Promise<RawDocument>
  /** the stored bytes, unchecked, of the blob or of a range of it */
  open(
    descriptor: Descriptor,
    range: ByteRange | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Readable>
  /** of a registry: see `Blob` */
  askRange?(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<RangeAnswer>
  /** where the image has a tag: the store of the one with this suffix to its tag, disposed with this one; it need not exist */
  readonly beside?: ((suffix: string) => BlobStore) | undefined
  /** of a registry, where the image has a tag: see `ImageSource` */
  readonly current?: ((signal?: AbortSignal) => Promise<Digest | undefined>) | undefined
  /** see `ImageSource` */
  referrers?(subject: Digest, signal: AbortSignal | undefined): Promise<readonly Referrer[]>
  /** see `ImageSource` */
  tagged?(tag: string, signal: AbortSignal | undefined): Promise<Descriptor | undefined>
}

export function sourceFromStore(store: BlobStore): ImageSource {
  const { beside } = store
  const externalToc = beside && tocsOf(beside(TOC_IMAGE_SUFFIX))
  let root: Promise<RawDocument & { parsed: ParsedManifest }> | undefined
  const loadRoot = () => {
    root ??= readRoot(store)
    return root
  }
  return {
    name: store.name,
    async index() {
      const { descriptor, bytes, parsed } = await loadRoot()
      return parsed.kind === 'index'
        ? { descriptor, rawIndex: bytes, manifests: parsed.manifests }
        : undefined
    },
    async image(platform, onManifest) {
      const { descriptor, bytes, parsed } = await loadRoot()
      const chosen = parsed.kind === 'index' ? pick(parsed.manifests, platform, store.name) : descriptor
      const rawManifest =
        chosen === descriptor ? bytes : await readDocument(store, chosen, MAX_MANIFEST_BYTES)
      const image = await readImage(store, chosen, rawManifest, { externalToc, onManifest })
      if (chosen === descriptor) checkPlatform(image.config.platform, platform, store.name)
      return image
    },
    imageOf: async (descriptor) =>
      readImage(store, descriptor, await readDocument(store, descriptor, MAX_MANIFEST_BYTES), {
        externalToc,
      }),
    blob: (descriptor) => blobOf(store, descriptor),
    ...(beside && { beside: (suffix: string) => sourceFromStore(beside(suffix)) }),
    ...(store.current && { current: store.current }),
    ...attachments(store),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

/** What the image that `store` holds has for layers of another one. */
const tocsOf = (store: BlobStore) =>
  tocsIn({
    name: store.name,
    async layers() {
      const { parsed } = await readRoot(store)
      return parsed.kind === 'manifest' ? parsed.manifest.layers : []
    },
    blob: (toc) => blobOf(store, toc),
  })

/** Only where the store has them. */
function attachments(store: BlobStore): Pick<ImageSource, 'referrers' | 'tagged'> {
  const [referrers, tagged] = [store.referrers?.bind(store), store.tagged?.bind(store)]
  return {
    ...(referrers && {
      referrers: async (subject, signal) => completed(store, await referrers(subject, signal)),
    }),
    ...(tagged && { tagged: (tag, signal) => tagged(tag, signal) }),
  }
}

/** What a list leaves out is asked of at most these. */
const MAX_ASKED = 100

/** Some registries list the type of the config, and no annotations: then the manifest itself is asked, and the list believed if that can't be read. */
async function completed(store: BlobStore, listed: readonly Referrer[]): Promise<readonly Referrer[]> {
  const found: Referrer[] = []
  let asked = 0
  for (const entry of listed) {
    const { artifactType, mediaType } = entry
    const isTold = artifactType !== undefined && artifactType !== EMPTY_TYPE
    if (isTold || !isManifestType(mediaType) || ++asked > MAX_ASKED) found.push(entry)
    else found.push(await describedByItself(store, entry))
  }
  return found
}

async function describedByItself(store: BlobStore, entry: Referrer): Promise<Referrer> {
  try {
    const bytes = await readDocument(store, entry, MAX_MANIFEST_BYTES)
    return referrerIn(bytes, entry)?.referrer ?? entry
  } catch (error) {
    if (error instanceof HeadstartError) return entry
    throw error
  }
}

const pick = (manifests: readonly Descriptor[], platform: Platform | undefined, name: string): Descriptor =>
  selectPlatform(manifests, platform ?? hostPlatform(), name)

async function readRoot(store: BlobStore): Promise<RawDocument & { parsed: ParsedManifest }> {
  const { descriptor, bytes } = await store.root()
  checkBytes(bytes, descriptor, `the manifest of ${store.name}`)
  const parsed = parseManifest(bytes, descriptor.mediaType, store.name)
  const mediaType = parsed.kind === 'index' ? parsed.mediaType : parsed.manifest.mediaType
  return { descriptor: { ...descriptor, mediaType }, bytes, parsed }
}

interface ReadOptions {
  readonly externalToc: ReturnType<typeof tocsIn> | undefined
  readonly onManifest?: Parameters<ImageSource['image']>[1]
}

async function readImage(
  store: BlobStore,
  descriptor: Descriptor,
  rawManifest: Buffer,
  { externalToc, onManifest }: ReadOptions,
): Promise<Image> {
  const parsed = parseManifest(rawManifest, descriptor.mediaType, store.name)
  if (parsed.kind === 'index')
    throw new HeadstartError('E_MANIFEST', `${store.name} holds an index inside an index`)
  const { manifest } = parsed
  const blobs = manifest.layers.map((layer) => ({
    ...blobOf(store, layer),
    ...(externalToc && { externalToc: (signal?: AbortSignal) => externalToc(layer.digest, signal) }),
  }))
  onManifest?.({ descriptor, layers: blobs })
  const rawConfig = await readDocument(store, manifest.config, MAX_CONFIG_BYTES)
  const config = parseConfig(rawConfig, store.name)
  checkLayerCount(manifest, config, store.name)
  const layers = blobs.map((blob, index) => ({
    ...blob,
    diffId: config.diffIds[index] ?? blob.descriptor.digest,
  }))
  return { reference: store.name, descriptor, manifest, rawManifest, config, rawConfig, layers }
}

/** A manifest or config: bounded before it is read, checked before it is parsed. */
async function readDocument(store: BlobStore, descriptor: Descriptor, limit: number): Promise<Buffer> {
  const what = `${descriptor.mediaType} of ${store.name}`
  if (descriptor.size > limit)
    throw new HeadstartError('E_TOO_LARGE', `${what} claims ${descriptor.size} bytes; ${limit} is the limit`)
  const bytes = await readBounded(await store.open(descriptor, undefined, undefined), limit, what)
  checkBytes(bytes, descriptor, what)
  return bytes
}

function blobOf(store: BlobStore, descriptor: Descriptor): Blob {
  const askRange = store.askRange?.bind(store)
  return {
    descriptor,
    ...(store.origin && { origin: store.origin }),
    ...(askRange && { askRange: (signal) => askRange(descriptor, signal) }),
    async open(range, signal) {
      signal?.throwIfAborted()
      if (range) checkRange(range, descriptor)
      const stream = await store.open(descriptor, range, signal)
      return range
        ? stream
        : joined(stream, verifyingStream(descriptor, `${descriptor.digest} of ${store.name}`))
    },
  }
}

function checkRange({ start, end }: ByteRange, { size, digest }: Descriptor): void {
  if (Number.isSafeInteger(start) && start >= 0 && start < end && end <= size) return
  throw new HeadstartError('E_RANGE', `bytes ${start} to ${end} lie outside ${digest}, which has ${size}`)
}
