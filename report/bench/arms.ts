/** Which arms a measurement has, and which image each one pulls. Pure. */

import { parseLocation } from '../../image/location.ts'
import type { Image } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { ArmKind, BenchLink } from './file.ts'
import { isUnshaped } from './link/presets.ts'

export interface NamedImage {
  readonly name: string
  readonly image: Image
}

export interface GivenImages {
  readonly original: Image
  readonly optimized?: Image
  /** more images to compare, each pulled lazily with the zone it has */
  readonly others: readonly NamedImage[]
}

/** The image of a key of the file; the original for one that is made from it. */
export const imageOf = ({ original, optimized, others }: GivenImages, key: string): Image =>
  key === 'optimized' && optimized ? optimized : (others.find(({ name }) => name === key)?.image ?? original)

export interface Arm {
  readonly id: string
  readonly kind: ArmKind
  /** key of the file's `images` */
  readonly image: string
}

export interface ArmRequest {
  readonly images: GivenImages
  /** `legacy`, `lazy`, `optimized` and the names of the others; all without it */
  readonly arms?: readonly string[]
  readonly link: BenchLink
  /** needs the optimized arm */
  readonly audit?: boolean
}

const isInRegistry = (image: Image): boolean =>
  ['docker', 'bare'].includes(parseLocation(image.reference).transport)

/** When the link is not shaped, an image in a registry is pulled from there, over the real network. */
export const isPulledDirectly = (image: Image, link: BenchLink): boolean =>
  isUnshaped(link) && isInRegistry(image)

/**
 * @throws HeadstartError E_ARMS: an arm without an image, no arm at all, or an audit without the optimized arm. The lazy arm is refused
 * when the others are pulled over the real network, since its image is made here.
 */
export function planArms(request: ArmRequest): Arm[] {
  const isDirect = isPulledDirectly(request.images.original, request.link)
  const all = possibleArms(request.images, isDirect)
  const names = all.map(({ id }) => id)
  if (new Set([...names, 'original', 'lazy']).size < names.length + (isDirect ? 2 : 1))
    throw new HeadstartError('E_ARMS', 'two images can’t have the same name', {
      hint: `These are taken: ${names.join(', ')}`,
    })
  const unknown = request.arms?.find((arm) => !names.includes(arm))
  if (unknown !== undefined)
    throw new HeadstartError('E_ARMS', `there is no arm named ${JSON.stringify(unknown)}`, {
      hint:
        isDirect && unknown === 'lazy'
          ? 'Its image is made on this machine: measure it with a shaped link, e.g. --link wan'
          : `Choose from: ${names.join(', ')}`,
    })
  const chosen = all.filter(({ id }) => request.arms?.includes(id) ?? true)
  if (chosen.length === 0) throw new HeadstartError('E_ARMS', 'a measurement needs at least one arm')
  if (request.audit && !chosen.some(({ kind }) => kind === 'optimized'))
    throw new HeadstartError('E_ARMS', 'an audit needs the optimized arm', {
      hint: 'Measure it: --arms legacy,optimized',
    })
  return chosen
}

const possibleArms = ({ optimized, others }: GivenImages, isDirect: boolean): Arm[] => [
  { id: 'legacy', kind: 'legacy', image: 'original' },
  ...(isDirect ? [] : [{ id: 'lazy', kind: 'lazy', image: 'lazy' } as const]),
  ...(optimized ? [{ id: 'optimized', kind: 'optimized', image: 'optimized' } as const] : []),
  ...others.map(({ name }) => ({ id: name, kind: 'other', image: name }) as const),
]
