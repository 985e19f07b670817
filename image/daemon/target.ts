/** A Docker engine's image as a target: `docker load`. */
import { PassThrough, type Readable } from 'node:stream'
import type Dockerode from 'dockerode'
import { HeadstartError } from '../../system/errors.ts'
import { dockerNames } from '../archive/target.ts'
import { ArchiveWriter } from '../archive/writer.ts'
import type { Reference } from '../reference.ts'
import type { Digest, ImageTarget } from '../types.ts'
import { type EngineOptions, engineError, engineHas, followed, nameOf, requireAnswer } from './client.ts'
import { connectEngine } from './connection.ts'

/** Loads while the blobs arrive: the engine adds the image when the stream has ended. */
export async function engineTarget(
  reference: Reference | Digest,
  options: EngineOptions,
): Promise<ImageTarget> {
  const name = `docker-daemon:${nameOf(reference)}`
  if (typeof reference === 'string')
    throw new HeadstartError('E_TARGET', `${name} is an ID; a target needs a name`)
  const engine = options.engine ?? (await connectEngine({ signal: options.signal }))
  const stream = new PassThrough({ highWaterMark: 1 << 20 })
  stream.on('error', () => {}) // the writer's own promise fails with it
  const request = new AbortController()
  // Otherwise the engine would wait for the rest of an abandoned tar.
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
      await requireAnswer(options)
      if (!force && (await engineHas(reference, options)).has)
        throw new HeadstartError('E_TARGET_EXISTS', `${name} already exists`, {
          hint: 'Choose another tag, or replace it with --force',
        })
    },
    putBlob: (blob, signal) => begin().putBlob(blob, signal),
    async putManifest(bytes, mediaType, { tagged }) {
      const descriptor = await begin().putManifest(bytes, mediaType, tagged)
      if (!tagged) return descriptor
      await begin().finish()
      await loading
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
