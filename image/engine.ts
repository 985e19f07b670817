/**
 * Images of a Docker engine. As a source: `docker save` streamed into a workspace, once somebody asks; as a target: `docker load`.
 * An image that the engine lacks is pulled by it.
 */
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import Dockerode from 'dockerode'
import { z } from 'zod'
import { openDockerArchive } from './archive.ts'
import { dockerNames } from './archive-target.ts'
import { ArchiveWriter } from './archive-writer.ts'
import { parseDigest } from './digest.ts'
import { codeOf, HeadstartError, messageOf } from './errors.ts'
import type { OnProgress, Progress } from './progress.ts'
import { familiarName, type Reference } from './reference.ts'
import type { Digest, ImageSource, ImageTarget } from './types.ts'
import { createWorkspace, type Workspace } from './workspace.ts'

export interface EngineOptions {
  readonly engine?: Dockerode | undefined
  readonly workspace?: Workspace | undefined
  readonly signal?: AbortSignal | undefined
  /** told of what the engine saves */
  readonly onProgress?: OnProgress | undefined
  /** what happened that a person should know, one line */
  readonly onNote?: ((text: string) => void) | undefined
}

const nameOf = (reference: Reference | Digest): string =>
  typeof reference === 'string' ? reference : familiarName(reference)

const statusOf = (error: unknown): number | undefined =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined

/** dockerode's failures, in a line: no engine, or what the engine said. */
function engineError(cause: unknown, what: string): HeadstartError {
  if (cause instanceof HeadstartError) return cause
  if (['ENOENT', 'ECONNREFUSED', 'EACCES', 'ENOTFOUND'].includes(codeOf(cause) ?? ''))
    return new HeadstartError('E_ENGINE', `no Docker engine answers: ${messageOf(cause)}`, {
      cause,
      hint: 'Start it, set DOCKER_HOST, or name the image with docker://, oci: or an archive',
    })
  return new HeadstartError('E_ENGINE', `the Docker engine failed to ${what}: ${messageOf(cause)}`, { cause })
}

/** @returns whether the engine has it; undefined when no engine answers */
export async function engineHas(
  reference: Reference,
  engine: Dockerode = new Dockerode(),
): Promise<boolean | undefined> {
  try {
    await engine.getImage(familiarName(reference)).inspect()
    return true
  } catch (error) {
    return statusOf(error) === 404 ? false : undefined
  }
}

/** @throws HeadstartError E_ENGINE, E_IMAGE_NOT_FOUND */
export async function openEngineSource(
  reference: Reference | Digest,
  options: EngineOptions,
): Promise<ImageSource> {
  const engine = options.engine ?? new Dockerode()
  await ensureImage(engine, reference, options)
  const stack = new AsyncDisposableStack()
  let saved: Promise<ImageSource> | undefined
  const load = () => {
    saved ??= save(engine, reference, options, stack)
    return saved
  }
  return {
    name: `docker-daemon:${nameOf(reference)}`,
    index: async () => undefined,
    image: async (platform) => (await load()).image(platform),
    blob: (descriptor) => ({
      descriptor,
      open: async (range, signal) => (await load()).blob(descriptor).open(range, signal),
    }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
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
    if (statusOf(error) !== 404) throw engineError(error, `inspect ${name}`)
    if (typeof reference === 'string')
      throw new HeadstartError('E_IMAGE_NOT_FOUND', `the Docker engine has no image ${name}`)
    options.onNote?.(`the Docker engine pulls ${name}`)
    await pull(engine, name, options.signal)
  }
}

const progressSchema = z.object({ error: z.string().optional() })

async function pull(engine: Dockerode, name: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    const stream = await engine.pull(name, signal ? { abortSignal: signal } : {})
    await followed(engine, stream)
  } catch (cause) {
    signal?.throwIfAborted()
    throw new HeadstartError(
      'E_IMAGE_NOT_FOUND',
      `the Docker engine has no image ${name} and can't pull it: ${messageOf(cause)}`,
      {
        cause,
      },
    )
  }
}

/** Reads an engine's stream of JSON lines to its end. @returns all lines; @throws Error with the engine's own words */
function followed(engine: Dockerode, stream: NodeJS.ReadableStream): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    engine.modem.followProgress(stream, (error: Error | null, lines: unknown[]) => {
      const said = lines?.map((line) => progressSchema.safeParse(line).data?.error).find(Boolean)
      if (error || said) reject(error ?? new Error(said))
      else resolve(lines)
    })
  })
}

async function save(
  engine: Dockerode,
  reference: Reference | Digest,
  options: EngineOptions,
  stack: AsyncDisposableStack,
): Promise<ImageSource> {
  const name = nameOf(reference)
  const workspace = options.workspace ?? stack.use(await createWorkspace())
  const file = join(await workspace.sub('engine'), `${process.hrtime.bigint()}.tar`)
  try {
    const image = engine.getImage(name)
    const { Id, Size } = await image.inspect()
    const counted = countBytes(parseDigest(Id), Size, options.onProgress)
    await pipeline(await image.get(), counted, createWriteStream(file, { flags: 'wx' }), {
      signal: options.signal,
    })
  } catch (error) {
    options.signal?.throwIfAborted()
    throw engineError(error, `save ${name}`)
  }
  return stack.use(await openDockerArchive(file, undefined, { workspace }, `docker-daemon:${name}`))
}

/** The engine knows no size of its archive but the image's own, which is near it. */
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

/** Loads while the blobs arrive: the engine takes the image up when the stream's end has come. */
export function engineTarget(reference: Reference | Digest, options: EngineOptions): ImageTarget {
  const engine = options.engine ?? new Dockerode()
  const name = `docker-daemon:${nameOf(reference)}`
  if (typeof reference === 'string')
    throw new HeadstartError('E_TARGET', `${name} names an ID; a target takes a name`)
  const stream = new PassThrough({ highWaterMark: 1 << 20 })
  stream.on('error', () => {}) // the writer's own promise tells
  const request = new AbortController()
  // The engine would wait for the rest of a tar that was given up.
  stream.on('close', () => stream.writableFinished || request.abort())
  let writer: ArchiveWriter | undefined
  let loading: Promise<void> | undefined
  const begin = () => {
    writer ??= new ArchiveWriter(stream, dockerNames(reference))
    loading ??= load(engine, stream, request.signal).catch((error: unknown) => {
      stream.destroy(engineError(error, `load ${name}`))
      throw engineError(error, `load ${name}`)
    })
    loading.catch(() => {}) // awaited at the end
    return writer
  }
  return {
    name,
    async prepare({ force }) {
      await engine.ping().catch((error: unknown) => Promise.reject(engineError(error, 'answer')))
      options.onNote?.(
        'the Docker engine unpacks layers whole: what eStargz gains is gained by lazily pulling runtimes only',
      )
      if (!force && (await engineHas(reference, engine)))
        throw new HeadstartError('E_TARGET_EXISTS', `${name} exists already`, {
          hint: 'Choose another tag, or replace it with --force',
        })
    },
    putBlob: (blob, signal) => begin().putBlob(blob, signal),
    async putManifest(bytes, mediaType, { tagged }) {
      const descriptor = await begin().putManifest(bytes, mediaType, tagged)
      if (tagged) await loading
      return descriptor
    },
    async [Symbol.asyncDispose]() {
      stream.destroy()
      await loading?.catch(() => {})
    },
  }
}

async function load(engine: Dockerode, tar: Readable, abortSignal: AbortSignal): Promise<void> {
  await followed(engine, await engine.loadImage(tar, { quiet: true, abortSignal }))
}
