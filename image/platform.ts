/** Platforms: parsed, printed, and one picked out of an index. */
import { arch } from 'node:process'
import { HeadstartError } from '../system/errors.ts'
import { isManifestType } from './media-types.ts'
import type { Descriptor, Platform } from './types.ts'

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', loong64: 'loong64' }

/** Go's names, as images use them; containers run on Linux, whatever system this is. */
export const hostPlatform = (): Platform => ({ os: 'linux', architecture: architectures[arch] ?? arch })

/** `linux/arm64/v8`. @throws HeadstartError E_PLATFORM */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9_]+)\/([a-z0-9_]+)(?:\/([a-z0-9_.]+))?$/.exec(text)
  if (match?.[1] === undefined || match[2] === undefined)
    throw new HeadstartError('E_PLATFORM', `${JSON.stringify(text)} is not a valid platform`, {
      hint: 'Write os/architecture[/variant], e.g. linux/arm64/v8',
    })
  return { os: match[1], architecture: match[2], variant: match[3] }
}

export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant ? [variant] : [])].join('/')

/** True when an image for `have` can be used for `want`: an unnamed variant matches any. */
function platformFits(have: Platform, want: Platform): boolean {
  if (have.os !== want.os || have.architecture !== want.architecture) return false
  if (have.variant === undefined || want.variant === undefined) return true
  return have.variant === want.variant
}

/** Of a single image, which is for one platform whatever is asked for. @throws HeadstartError E_PLATFORM */
export function checkPlatform(have: Platform, want: Platform | undefined, where: string): void {
  if (want === undefined || platformFits(have, want)) return
  throw new HeadstartError('E_PLATFORM', `${where} has no image for ${formatPlatform(want)}`, {
    hint: `It is a single image, and for ${formatPlatform(have)}`,
  })
}

const identical = (a: Platform, b: Platform): boolean =>
  a.os === b.os && a.architecture === b.architecture && a.variant === b.variant

/**
 * The manifest of a platform: an exact match before one that merely fits, in the index's order.
 * @throws HeadstartError E_PLATFORM, naming those there are
 */
export function selectPlatform(manifests: readonly Descriptor[], want: Platform, where: string): Descriptor {
  const candidates = manifests.filter(({ mediaType }) => isManifestType(mediaType))
  const found =
    candidates.find(({ platform }) => platform && identical(platform, want)) ??
    candidates.find(({ platform }) => platform && platformFits(platform, want)) ??
    (candidates.length === 1 && candidates[0]?.platform === undefined ? candidates[0] : undefined)
  if (found) return found
  const names = candidates.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []))
  const there = [...new Set(names)].filter((name) => !name.startsWith('unknown/')).slice(0, 20)
  throw new HeadstartError('E_PLATFORM', `${where} has no image for ${formatPlatform(want)}`, {
    hint: there.length > 0 ? `It has: ${there.join(', ')}` : 'Its index names no platform',
  })
}
