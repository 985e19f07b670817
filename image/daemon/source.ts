/** Images of a Docker engine as sources: `docker save` into a workspace, once a layer's bytes are needed. The engine pulls what it doesn't have. */
import { createWriteStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type Dockerode from 'dockerode'
import { diskFull, HeadstartError, isDiskFull } from '../../system/errors.ts'
import { createWorkspace } from '../../system/workspace.ts'
import { openDockerArchive } from '../archive/source.ts'
import { parseDigest } from '../digest.ts'
import type { OnProgress, Progress } from '../progress.ts'
import type { Reference } from '../reference.ts'
import { sourceFromStore } from '../source-from-store.ts'
import type { Digest, ImageSource } from '../types.ts'
import { type EngineOptions, engineError, nameOf, requireAnswer, statusOf } from './client.ts'
import { connectEngine } from './connection.ts'
import { pullIntoEngine } from './pull.ts'
import { readStoredImage, type StoredImage } from './store.ts'

/**
 * Manifest and config are read from where the engine stores them, if possible; the image is saved once more of it is needed.
 * @throws HeadstartError E_ENGINE, E_IMAGE_NOT_FOUND
 */
export async function openEngineSource(
  reference: Reference | Digest,
  options: EngineOptions,
): Promise<ImageSource> {
  const engine = options.engine ?? (await connectEngine({ signal: options.signal }))
  await requireAnswer(options)
  await ensureImage(engine, reference, options)
  const name = nameOf(reference)
  const stored = await readStoredImage(engine, name)
  // By its ID, if that is known: the name may be given to another image.
  const wanted = {
    id: stored?.id ?? name,
    source: `docker-daemon:${name}`,
    ownManifest: stored !== undefined,
  }
  const stack = new AsyncDisposableStack()
  let archive: Promise<ImageSource> | undefined
  const load = () => {
    archive ??= save(engine, wanted, options, stack)
    return archive
  }
  const saved: ImageSource = {
    name: wanted.source,
    index: async () => undefined,
    image: async (platform) => (await load()).image(platform),
    imageOf: async (descriptor) => (await load()).imageOf(descriptor),
    blob: (descriptor) => ({
      descriptor,
      open: async (range, signal) => (await load()).blob(descriptor).open(range, signal),
    }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
  return stored ? knownBefore(saved, stored) : saved
}

/** The source with manifest and config as the engine stores them; the layers are still the source's. */
function knownBefore(source: ImageSource, { descriptor, rawManifest, rawConfig }: StoredImage): ImageSource {
  const known = sourceFromStore({
    name: source.name,
    root: async () => ({ descriptor, bytes: rawManifest }),
    open: async () => Readable.from([rawConfig], { objectMode: false }), // nothing else is read from it
    [Symbol.asyncDispose]: async () => {},
  })
  return {
    ...source,
    async image(platform) {
      const image = await known.image(platform)
      const layers = image.layers.map((layer) => ({ ...layer, open: source.blob(layer.descriptor).open }))
      return { ...image, layers }
    },
  }
}

async function ensureImage(
  engine: Dockerode,
  reference: Reference | Digest,
  options: EngineOptions,
): Promise<void> {
  const name = nameOf(reference)
  try {
    await engine.getImage(name).inspect()
  } catch (error) {
    options.signal?.throwIfAborted()
    if (statusOf(error) !== 404) throw engineError(error, `inspect ${name}`)
    if (typeof reference === 'string')
      throw new HeadstartError('E_IMAGE_NOT_FOUND', `the Docker engine has no image ${name}`)
    options.onNote?.(`the Docker engine is pulling ${name}`)
    await pullIntoEngine(engine, reference, options)
  }
}

interface Wanted {
  /** the engine's ID of the image, or a name it knows */
  readonly id: string
  /** the source's name, for errors */
  readonly source: string
  readonly ownManifest: boolean
}

async function save(
  engine: Dockerode,
  { id, source, ownManifest }: Wanted,
  options: EngineOptions,
  stack: AsyncDisposableStack,
): Promise<ImageSource> {
  const workspace = options.workspace ?? stack.use(await createWorkspace())
  const file = join(await workspace.sub('engine'), `${process.hrtime.bigint()}.tar`)
  try {
    const image = engine.getImage(id)
    const { Id, Size } = await image.inspect()
    const counted = countBytes(parseDigest(Id), Size, options.onProgress)
    await pipeline(await image.get(), counted, createWriteStream(file, { flags: 'wx' }), {
      signal: options.signal,
    })
  } catch (error) {
    options.signal?.throwIfAborted()
    if (isDiskFull(error)) throw diskFull(dirname(file), error)
    throw engineError(error, `save ${source}`)
  }
  return stack.use(await openDockerArchive(file, undefined, { workspace, ownManifest }, source))
}

/** The engine doesn't tell the size of its archive, but the image's own size is close to it. */
function countBytes(digest: Digest, total: number, onProgress: OnProgress | undefined): Transform {
  let done = 0
  const tell = (kind: Progress['kind']) =>
    onProgress?.({ kind, digest, mediaType: 'application/x-tar', done, total })
  tell('start')
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done = Math.min(done + chunk.length, total)
      tell('bytes')
      next(null, chunk)
    },
    flush(next) {
      done = total
      tell('done')
      next()
    },
  })
}
