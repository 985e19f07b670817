/** Which arms a measurement has, and which image each one pulls. Pure. */

import { parseLocation } from '../../image/location.ts'
import type { Image } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { ArmKind, BenchLink } from './file.ts'

export interface NamedImage {
  readonly name: string
  readonly image: Image
}

export interface GivenImages {
  readonly original: Image
  readonly optimized: Image | undefined
  /** more to compare, each pulled lazily with whatever zone it has */
  readonly others: readonly NamedImage[]
}

export interface Arm {
  readonly id: string
  readonly kind: ArmKind
  /** key of the file's `images` */
  readonly image: string
}

export interface ArmChoice extends GivenImages {
  /** of `legacy`, `lazy`, `optimized` and the others' names; all when undefined */
  readonly arms: readonly string[] | undefined
  readonly link: BenchLink
}

const isInRegistry = (image: Image): boolean =>
  ['docker', 'bare'].includes(parseLocation(image.reference).transport)

const isUnshaped = (link: BenchLink): boolean => link.bitsPerSecond === null && link.roundTripMs === 0

/** With a link that is not shaped, an image in a registry is pulled from there, over the network there is. */
export const isPulledDirectly = (image: Image, link: BenchLink): boolean =>
  isUnshaped(link) && isInRegistry(image)

/**
 * @throws HeadstartError E_ARMS: an arm that there is no image for, or none at all; or the arm without a zone, whose image is made here,
 * against images that come over the network
 */
export function planArms(options: ArmChoice): Arm[] {
  const direct = isPulledDirectly(options.original, options.link)
  const all: Arm[] = [
    { id: 'legacy', kind: 'legacy', image: 'original' },
    ...(direct ? [] : [{ id: 'lazy', kind: 'lazy', image: 'lazy' } as const]),
    ...(options.optimized ? [{ id: 'optimized', kind: 'optimized', image: 'optimized' } as const] : []),
    ...options.others.map(({ name }) => ({ id: name, kind: 'other', image: name }) as const),
  ]
  const names = all.map(({ id }) => id)
  if (new Set([...names, 'original', 'lazy']).size < names.length + (direct ? 2 : 1))
    throw new HeadstartError('E_ARMS', 'two images can’t have one name', {
      hint: `Taken: ${names.join(', ')}`,
    })
  const unknown = options.arms?.find((arm) => !names.includes(arm))
  if (unknown !== undefined)
    throw new HeadstartError('E_ARMS', `there is no arm named ${JSON.stringify(unknown)}`, {
      hint:
        direct && unknown === 'lazy'
          ? 'Its image is made here: measure it with a shaped link, e.g. --link wan'
          : `Choose of: ${names.join(', ')}`,
    })
  const chosen = all.filter(({ id }) => options.arms?.includes(id) ?? true)
  if (chosen.length === 0) throw new HeadstartError('E_ARMS', 'a measurement needs at least one arm')
  return chosen
}
