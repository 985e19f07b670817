/** Opens an image wherever it is: a table of transports, and the search for a bare reference. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type Dockerode from 'dockerode'
import { HeadstartError } from '../system/errors.ts'
import type { Workspace } from '../system/workspace.ts'
import { openDockerArchive, openOciArchive } from './archive/source.ts'
import type { BlobKeeper } from './kept-blobs.ts'
import { openLayoutSource } from './layout/source.ts'
import { type Location, parseLocation, type Transport } from './location.ts'
import type { OnProgress } from './progress.ts'
import { familiarName } from './reference.ts'
import { openRegistrySource } from './registry/source.ts'
import type { ImageSource } from './types.ts'

export interface TransportOptions {
  /** the Docker engine to use; the one of `$DOCKER_HOST` or the usual socket by default */
  readonly engine?: Dockerode | undefined
  /** plain HTTP and untrusted certificates are accepted from all registries, not only from those on the loopback */
  readonly insecure?: boolean | undefined
  /** PEM file of certificate authorities for registries */
  readonly caFile?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** keeps a registry's small blobs between runs */
  readonly keeper?: BlobKeeper | undefined
  /** for what has to be spooled; one is created when it is needed and none is given */
  readonly workspace?: Workspace | undefined
  /** called while the image is spooled; transfers of blobs have a callback of their own, see `copyImage` */
  readonly onProgress?: OnProgress | undefined
  /** called with a line that a person should see, e.g. where a bare reference was found */
  readonly onNote?: ((text: string) => void) | undefined
  /** called with a line that only helps to find out why something is as it is */
  readonly onDetail?: ((text: string) => void) | undefined
}

/** The engine's client is large, and useless without an engine. */
const engine = () => import('./daemon/source.ts')

type Openers = {
  readonly [T in Transport]: (location: Location<T>, options: TransportOptions) => Promise<ImageSource>
}

const openers: Openers = {
  docker: ({ reference }, options) => openRegistrySource(reference, options),
  'docker-daemon': async ({ reference }, options) => (await engine()).openEngineSource(reference, options),
  oci: (location) => openLayoutSource(location),
  'oci-archive': (location, options) => openOciArchive(location, options),
  'docker-archive': ({ path, reference }, options) => openDockerArchive(path, reference, options),
  bare: (location, options) => openBare(location, options),
}

/**
 * @param text `docker://REF`, `docker-daemon:REF`, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:REF]`, or a bare
 * reference: the engine's image if it has one, else the registry's
 * @returns a source whose `name` says where it was found; the caller disposes it
 * @throws HeadstartError E_REFERENCE, E_IMAGE_NOT_FOUND, E_ENGINE, …
 */
export async function openSource(text: string, options: TransportOptions = {}): Promise<ImageSource> {
  return openLocation(parseLocation(text), options)
}

const openLocation = <T extends Transport>(location: Location<T>, options: TransportOptions) =>
  openers[location.transport](location, options)

async function openBare(
  { reference, text }: Location<'bare'>,
  options: TransportOptions,
): Promise<ImageSource> {
  const name = familiarName(reference)
  const { engineHas } = await import('./daemon/client.ts')
  const answer = await engineHas(reference, options)
  if (answer.has) {
    options.onNote?.(`${name} is taken from the Docker engine`)
    return (await engine()).openEngineSource(reference, options)
  }
  const why = answer.has === undefined ? answer.why : 'the Docker engine does not have it'
  const line = `${name} is taken from the registry ${reference.host}: ${why}`
  // An engine that may not be asked may have a newer one. Any other place is the expected one, until it has none either.
  const isExpected = answer.has === undefined ? !answer.refused : true
  if (isExpected) options.onDetail?.(line)
  else options.onNote?.(line)
  const image = await imageOnDisk(text)
  if (image !== undefined) options.onNote?.(`${text} is on this disk, too: ${image} reads it from there`)
  const source = await openRegistrySource(reference, options)
  return isExpected
    ? onFailure(source, () => options.onNote?.(`${name} was looked for in the registry: ${why}`))
    : source
}

/** @param told before the first failure to find the image is thrown */
function onFailure(source: ImageSource, told: () => void): ImageSource {
  let isTold = false
  const telling = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      if (!isTold && error instanceof HeadstartError) told()
      isTold = true
      throw error
    })
  return {
    ...source,
    index: () => telling(source.index()),
    image: (platform, onManifest) => telling(source.image(platform, onManifest)),
  }
}

/** Whoever types a layout's or an archive's name without its transport hears how to write it. */
async function imageOnDisk(text: string): Promise<string | undefined> {
  const [path = ''] = text.split(':')
  if (await isThere(join(path, 'oci-layout'))) return `oci:${text}`
  if (/\.tar$/.test(path) && (await isThere(path))) return `oci-archive:${text} or docker-archive:${text}`
  return undefined
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
