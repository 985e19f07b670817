/**
 * Where an image is, as a person writes it: a transport and its parameters. Text in, value out; nothing is looked up.
 * The forms are skopeo's: `oci:DIR[:TAG]`, `docker-daemon:REF`, …; anything without a transport is a bare reference.
 */

import { HeadstartError } from '../system/errors.ts'
import { isDigest } from './digest.ts'
import { parseReference, type Reference } from './reference.ts'
import type { Digest } from './types.ts'

/** What follows each transport. */
export interface Locations {
  readonly docker: { readonly reference: Reference }
  readonly 'docker-daemon': { readonly reference: Reference | Digest }
  readonly oci: FileLocation
  readonly 'oci-archive': FileLocation
  readonly 'docker-archive': { readonly path: string; readonly reference: Reference | undefined }
  /** no transport: the engine first, then the registry */
  readonly bare: { readonly reference: Reference; readonly text: string }
}

export type Transport = keyof Locations

export type Location<T extends Transport = Transport> = {
  [K in T]: { readonly transport: K } & Locations[K]
}[T]

export interface FileLocation {
  readonly path: string
  /** what `org.opencontainers.image.ref.name` says; undefined: the only image there is */
  readonly tag: string | undefined
  readonly digest: Digest | undefined
}

const parsers = {
  'docker://': (rest) => ({ transport: 'docker', reference: parseReference(rest) }),
  'docker-daemon:': (rest) => ({
    transport: 'docker-daemon',
    reference: isDigest(rest) ? rest : parseReference(rest),
  }),
  'oci:': (rest) => ({ transport: 'oci', ...splitFile(rest, 'oci:') }),
  'oci-archive:': (rest) => ({ transport: 'oci-archive', ...splitFile(rest, 'oci-archive:') }),
  'docker-archive:': (rest) => {
    const { path, tag } = splitFile(rest, 'docker-archive:')
    return {
      transport: 'docker-archive',
      path,
      reference: tag === undefined ? undefined : parseReference(tag),
    }
  },
} satisfies Record<string, (rest: string) => Location>

/** @throws HeadstartError E_REFERENCE */
export function parseLocation(text: string): Location {
  for (const [prefix, parse] of Object.entries(parsers))
    if (text.startsWith(prefix)) return parse(text.slice(prefix.length))
  const scheme = /^([a-z][a-z+-]*):\/\//.exec(text)?.[1]
  if (scheme !== undefined)
    throw new HeadstartError('E_REFERENCE', `${JSON.stringify(text)}: unknown transport ${scheme}://`, {
      hint: `Known transports: ${Object.keys(parsers).join(' ')}; a reference without one is looked up in the Docker engine, then in its registry`,
    })
  if (isDigest(text)) return { transport: 'docker-daemon', reference: text }
  if (/^[./~]/.test(text))
    throw new HeadstartError('E_REFERENCE', `${JSON.stringify(text)} is a path, not the name of an image`, {
      hint: `Write a folder as oci:${text}, an archive as oci-archive:${text} or docker-archive:${text}`,
    })
  return { transport: 'bare', reference: parseReference(text), text }
}

/**
 * What to do about an image of an engine that isn't eStargz: it may well be in its registry, and a bare name finds the engine's.
 * @returns undefined: it is not an engine's
 */
export function inEngine(name: string): string | undefined {
  const engine = 'docker-daemon:'
  return name.startsWith(engine) && !isDigest(name.slice(engine.length))
    ? `An engine keeps layers unpacked: name the registry's image, docker://${name.slice(engine.length)}, or convert it with: headstart optimize`
    : undefined
}

/** At the first colon, as skopeo does: a tag may hold further ones (`oci:out:localhost/app:1`), a path may not. */
function splitFile(
  text: string,
  prefix: string,
): { path: string; tag: string | undefined; digest: Digest | undefined } {
  const match = /^([^:@]+)(?:@(sha256:[0-9a-f]{64})|:(.*))?$/s.exec(text)
  const [, path, digest, tag] = match ?? []
  if (path === undefined || tag === '' || path.includes('\0'))
    throw new HeadstartError('E_REFERENCE', `${JSON.stringify(prefix + text)} is not ${prefix}PATH[:TAG]`, {
      hint: 'Give a path without : or @, optionally followed by : and a tag',
    })
  return { path, tag, digest: digest !== undefined && isDigest(digest) ? digest : undefined }
}
