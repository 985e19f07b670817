/** Opens the place where an image is, to read what is attached to it and to attach more. */

import { openLayoutSource } from '../layout/source.ts'
import { layoutTarget } from '../layout/target.ts'
import { type Location, parseLocation } from '../location.ts'
import { openRegistrySource } from '../registry/source.ts'
import { registryTarget } from '../registry/target.ts'
import type { TransportOptions } from '../sources.ts'
import type { ImageSource, ImageTarget } from '../types.ts'
import { noPlace } from './attach.ts'

/** A name without a transport means the registry: an engine has nothing attached to its images. */
export async function openAttached(text: string, options: TransportOptions): Promise<ImageSource> {
  const location = holding(text)
  return location.transport === 'oci'
    ? openLayoutSource(location)
    : openRegistrySource(location.reference, options)
}

/** It is prepared; nothing changes its images. @throws HeadstartError E_ARTIFACT: nothing can be attached there */
export async function openAttaching(text: string, options: TransportOptions): Promise<ImageTarget> {
  const location = holding(text)
  const { signal, onNote } = options
  const target =
    location.transport === 'oci'
      ? layoutTarget({ ...location, digest: undefined }, { signal, onWait: onNote })
      : await registryTarget({ ...location.reference, digest: undefined }, options)
  await target.prepare({ force: true })
  return target
}

function holding(text: string): Location<'docker' | 'bare' | 'oci'> {
  const location = parseLocation(text)
  const { transport } = location
  if (transport === 'docker' || transport === 'bare' || transport === 'oci') return location
  throw noPlace(text)
}
