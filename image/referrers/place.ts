/** Opens the place where an image is, to read what is attached to it and to attach more. */
import { attachingToArchive } from '../archive/attach.ts'
import { openOciArchive } from '../archive/source.ts'
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
  if (location.transport === 'oci') return openLayoutSource(location)
  if (location.transport === 'oci-archive') return openOciArchive(location, options)
  return openRegistrySource(location.reference, options)
}

/** It is prepared; nothing changes its images. @throws HeadstartError E_ARTIFACT: nothing can be attached there */
export async function openAttaching(text: string, options: TransportOptions): Promise<ImageTarget> {
  const target = await attachingTarget(holding(text), options)
  await target.prepare({ force: true })
  return target
}

async function attachingTarget(location: Holding, options: TransportOptions): Promise<ImageTarget> {
  const lock = { signal: options.signal, onWait: options.onNote }
  if (location.transport === 'oci')
    return layoutTarget({ ...location, digest: undefined }, { ...lock, attaching: true })
  if (location.transport === 'oci-archive') return attachingToArchive(location, lock)
  return registryTarget({ ...location.reference, digest: undefined }, options)
}

type Holding = Location<'docker' | 'bare' | 'oci' | 'oci-archive'>

function holding(text: string): Holding {
  const location = parseLocation(text)
  if (location.transport === 'docker-daemon' || location.transport === 'docker-archive') throw noPlace(text)
  return location
}
