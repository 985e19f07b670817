/** Opens the place that an image is written to: a table of transports. A bare reference means a registry. */
import { dockerArchiveTarget, ociArchiveTarget } from './archive/target.ts'
import { layoutTarget } from './layout/target.ts'
import { type Location, parseLocation, type Transport } from './location.ts'
import { DEFAULT_HOST, familiarName } from './reference.ts'
import { registryTarget } from './registry/target.ts'
import type { TransportOptions } from './sources.ts'
import type { ImageTarget } from './types.ts'

type Openers = {
  readonly [T in Transport]: (
    location: Location<T>,
    options: TransportOptions,
  ) => ImageTarget | Promise<ImageTarget>
}

const openers: Openers = {
  docker: ({ reference }, options) => registryTarget(reference, options),
  'docker-daemon': async ({ reference }, options) =>
    (await import('./daemon/target.ts')).engineTarget(reference, options),
  oci: (location, { signal, onNote }) => layoutTarget(location, { signal, onWait: onNote }),
  'oci-archive': (location) => ociArchiveTarget(location),
  'docker-archive': ({ path, reference }) => dockerArchiveTarget(path, reference),
  bare: ({ reference }, options) => {
    // Nobody who means a folder, or the engine, has typed that.
    if (reference.host === DEFAULT_HOST)
      options.onNote?.(`${familiarName(reference)} is written to the registry ${reference.host}`)
    return registryTarget(reference, options)
  },
}

/**
 * Nothing is written before the target's `prepare`; the caller disposes it.
 * @param text as for `openSource`
 * @throws HeadstartError E_REFERENCE, E_TARGET
 */
export async function openTarget(text: string, options: TransportOptions = {}): Promise<ImageTarget> {
  return openLocation(parseLocation(text), options)
}

const openLocation = <T extends Transport>(location: Location<T>, options: TransportOptions) =>
  openers[location.transport](location, options)
