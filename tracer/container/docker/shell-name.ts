/**
 * What the engine's lists call a shell image: by the image that it stands for, so that whoever reads them knows what runs, and by the
 * workspace's ID, by which a later command finds what a killed one left. Pure.
 */
import { basename } from 'node:path'
import { type Location, parseLocation } from '../../../image/location.ts'

const REPOSITORY = 'headstart-shell'
/** for the engine: every shell, with the name of an image and without */
export const SHELLS = [REPOSITORY, `${REPOSITORY}/*`] as const
/** of its grammar, less the ID and what stands before it */
const MOST_OF_NAME = 100
const MOST_OF_TAG = 80
/** as much of a digest as tells it from others */
const SHORT = 'sha256:'.length + 12

export interface ShellName {
  readonly repository: string
  readonly tag: string
}

/** @param image as it was named: `registry.example/web:1` → `headstart-shell/web`, `1.ID`. @throws HeadstartError E_REFERENCE */
export function shellName(id: string, image?: string): ShellName {
  const { name, tag } = image === undefined ? { name: '', tag: '' } : shortName(parseLocation(image))
  const component = trimmed(
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .slice(0, MOST_OF_NAME),
  )
  const version = trimmed(tag.replace(/[^\w.-]/g, '-').slice(0, MOST_OF_TAG))
  return {
    repository: component === '' ? REPOSITORY : `${REPOSITORY}/${component}`,
    tag: version === '' ? id : `${version}.${id}`,
  }
}

/** for the engine: whatever it is a shell of */
export const shellsOf = (id: string): string[] =>
  SHELLS.flatMap((name) => [`${name}:${id}`, `${name}:*.${id}`])

/** @param reference `NAME:TAG` of a shell, as the engine lists it */
export const idOf = (reference: string): string => reference.replace(/^.*[:.]/, '')

function shortName(location: Location): { readonly name: string; readonly tag: string } {
  if ('path' in location)
    return { name: basename(location.path), tag: ('tag' in location && location.tag) || '' }
  const { reference } = location
  if (typeof reference === 'string') return { name: reference, tag: '' }
  const { repository, tag, digest } = reference
  return { name: basename(repository), tag: tag ?? digest?.slice(digest.indexOf(':') + 1, SHORT) ?? '' }
}

/** Neither begins nor ends with a separator. */
const trimmed = (text: string): string => text.replace(/^[._-]+|[._-]+$/g, '')
