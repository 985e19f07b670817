/** Which arms a measurement has: the image that each one pulls, how that gets next to the link, and how long a sample may take. Pure. */

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

/** `convert`: made here from the image that was given; `direct`: pulled from its own registry, over the real network */
export type Staging = 'copy' | 'convert' | 'direct'

export interface Arm {
  readonly id: string
  readonly kind: ArmKind
  /** key of the file's `images` */
  readonly image: string
  readonly staging: Staging
  /** what a sample may take, before one was taken */
  readonly guessMs: number
}

export interface ArmRequest {
  /** `legacy`, `lazy`, `optimized` and the names of the others; all without it */
  readonly arms?: readonly string[]
  readonly link: BenchLink
  /** needs the optimized arm */
  readonly audit?: boolean
}

/** Names of arms and images that no other image may have. */
const OWN_KEYS = ['original', 'legacy', 'lazy', 'optimized']

const isInRegistry = (image: Image): boolean =>
  ['docker', 'bare'].includes(parseLocation(image.reference).transport)

/**
 * @throws HeadstartError E_ARMS: an arm without an image, no arm at all, or an audit without the optimized arm. The lazy arm is refused
 * when the others are pulled over the real network, since its image is made here.
 */
export function planArms(images: GivenImages, request: ArmRequest): Arm[] {
  const all = possibleArms(images, request.link)
  const names = all.map(({ id }) => id)
  const keys = [...OWN_KEYS, ...images.others.map(({ name }) => name)]
  if (new Set(keys).size < keys.length)
    throw new HeadstartError('E_ARMS', 'two images can’t have the same name', {
      hint: `These are taken: ${OWN_KEYS.join(', ')}`,
    })
  const unknown = request.arms?.find((arm) => !names.includes(arm))
  if (unknown !== undefined)
    throw new HeadstartError('E_ARMS', `there is no arm named ${JSON.stringify(unknown)}`, {
      hint:
        unknown === 'lazy'
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

/** @returns the image that was given for an arm */
export function givenFor({ original, optimized, others }: GivenImages, { id, kind }: Arm): Image {
  if (kind === 'legacy' || kind === 'lazy') return original
  const given = kind === 'optimized' ? optimized : others.find(({ name }) => name === id)?.image
  if (!given) throw new Error(`no image was given for the arm ${id}`)
  return given
}

function possibleArms({ original, optimized, others }: GivenImages, link: BenchLink): Arm[] {
  const armOf = (id: string, kind: ArmKind, given: Image, image = id): Arm => ({
    id,
    kind,
    image,
    staging: kind === 'lazy' ? 'convert' : isUnshaped(link) && isInRegistry(given) ? 'direct' : 'copy',
    guessMs: guessMs(kind, given, link),
  })
  const legacy = armOf('legacy', 'legacy', original, 'original')
  return [
    legacy,
    ...(legacy.staging === 'direct' ? [] : [armOf('lazy', 'lazy', original)]),
    ...(optimized ? [armOf('optimized', 'optimized', optimized)] : []),
    ...others.map(({ name, image }) => armOf(name, 'other', image)),
  ]
}

/** A container's start and what is made and removed around it, on an ordinary machine. */
const START_MS = 3000
/** What a lazy start fetches of an image, roughly. */
const LAZY_SHARE = 0.25

/** Without a shaped link the network's speed is not known, and not counted. */
function guessMs(kind: ArmKind, { manifest: { layers } }: Image, { bitsPerSecond }: BenchLink): number {
  const bytes = layers.reduce((sum, { size }) => sum + size, 0)
  const fetched = kind === 'legacy' ? bytes : bytes * LAZY_SHARE
  return START_MS + (bitsPerSecond === null ? 0 : (fetched * 8000) / bitsPerSecond)
}
