/**
 * References to images in registries, by the distribution's grammar, with Docker's defaults (docker.io, library/, latest). An invalid
 * one is refused with the position of the fault.
 *
 * Source: github.com/distribution/reference, reference.go ("Grammar") and normalize.go.
 */

import { HeadstartError } from '../system/errors.ts'
import { isDigest } from './digest.ts'
import type { Digest } from './types.ts'

export interface Reference {
  /** host and port as in a URL: `docker.io`, `localhost:5000`, `[::1]:5000` */
  readonly host: string
  /** `library/alpine` */
  readonly repository: string
  /** `latest` if neither tag nor digest was given */
  readonly tag: string | undefined
  readonly digest: Digest | undefined
}

export const DEFAULT_HOST = 'docker.io'
const MAX_NAME = 255

/** @throws HeadstartError E_REFERENCE with the position (1 for the first character) and what is wrong there */
export function parseReference(text: string): Reference {
  const fault = faultOf(text)
  if (text === '') throw fault(0, 'it is empty')
  const at = text.indexOf('@')
  const digest = at === -1 ? undefined : digestAt(text, at + 1, fault)
  const rest = at === -1 ? text : text.slice(0, at)
  const { host, start } = splitHost(rest)
  if (host !== undefined) checkHost(host, fault)
  const colon = rest.indexOf(':', start)
  const path = rest.slice(start, colon === -1 ? undefined : colon)
  checkPath(path, start, fault)
  const tag = colon === -1 ? undefined : tagAt(rest, colon + 1, fault)
  const full = host === undefined || host === 'index.docker.io' ? DEFAULT_HOST : host
  const repository = full === DEFAULT_HOST && !path.includes('/') ? `library/${path}` : path
  if (full.length + 1 + repository.length > MAX_NAME)
    throw fault(MAX_NAME, `the name is longer than ${MAX_NAME} characters`)
  return { host: full, repository, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest }
}

/** Whether a name a registry gave is one that a reference can have. */
export const isRepository = (text: string): boolean => isValid(() => checkPath(text, 0, faultOf(text)))
export const isTag = (text: string): boolean => isValid(() => tagAt(text, 0, faultOf(text)))

const faultOf =
  (text: string): Fault =>
  (at, why) =>
    referenceFault(text, at, why)

function isValid(check: () => unknown): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}

/** A first component is a host when it can't be part of a Docker Hub name: a dot, a port, `localhost`, or upper case. */
function splitHost(text: string): { host: string | undefined; start: number } {
  const slash = text.indexOf('/')
  const first = text.slice(0, slash)
  const isHost = slash > 0 && (/[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase())
  return isHost ? { host: first, start: slash + 1 } : { host: undefined, start: 0 }
}

type Fault = (at: number, why: string) => HeadstartError

function checkHost(host: string, fault: Fault): void {
  const bracket = host.startsWith('[') ? host.indexOf(']') : -1
  if (host.startsWith('[') && (bracket === -1 || !/^\[[0-9a-fA-F:]+\]$/.test(host.slice(0, bracket + 1))))
    throw fault(0, 'an IPv6 address must be enclosed in [ and ]')
  const colon = host.indexOf(':', bracket + 1)
  const name = host.slice(0, colon === -1 ? undefined : colon)
  if (bracket === -1) checkDomain(name, fault)
  else if (name.length > bracket + 1) throw fault(bracket + 1, 'only a port may follow an IPv6 address')
  if (colon === -1) return
  const port = host.slice(colon + 1)
  if (!/^[0-9]+$/.test(port) || Number(port) > 65535) throw fault(colon + 1, 'a port is a number up to 65535')
}

function checkDomain(name: string, fault: Fault): void {
  let at = 0
  for (const label of name.split('.')) {
    if (label === '') throw fault(at, 'a part of the host is empty')
    const wrong = /[^a-zA-Z0-9-]|^-|-$/.exec(label)
    if (wrong)
      throw fault(at + wrong.index, 'a host may contain letters, digits, and hyphens inside its parts')
    at += label.length + 1
  }
}

function checkPath(path: string, start: number, fault: Fault): void {
  let at = start
  for (const part of path.split('/')) {
    if (part === '') throw fault(at, 'a part of the name is empty')
    const upper = /[A-Z]/.exec(part)
    if (upper) throw fault(at + upper.index, 'repository names are lower case')
    const wrong = /[^a-z0-9._-]/.exec(part)
    if (wrong)
      throw fault(
        at + wrong.index,
        'a name may contain lower-case letters, digits, and . _ __ - between them',
      )
    const good = /^(?:[a-z0-9]+(?:(?:\.|_{1,2}|-+)(?=[a-z0-9]))?)*/.exec(part)?.[0].length ?? 0
    if (good < part.length)
      throw fault(at + good, 'one of . _ __ or hyphens may only stand between letters or digits')
    at += part.length + 1
  }
  if (/^[0-9a-f]{64}$/.test(path)) throw fault(start, '64 hex digits are an image ID, not a name')
}

function tagAt(text: string, at: number, fault: Fault): string {
  const tag = text.slice(at)
  if (tag === '') throw fault(at, 'the tag is empty')
  const wrong = /^[.-]|[^\w.-]/.exec(tag)
  if (wrong)
    throw fault(
      at + wrong.index,
      'a tag may contain letters, digits, _ . and -, and may not start with . or -',
    )
  if (tag.length > 128) throw fault(at + 128, 'a tag has at most 128 characters')
  return tag
}

function digestAt(text: string, at: number, fault: Fault): Digest {
  const digest = text.slice(at)
  if (isDigest(digest)) return digest
  if (!digest.startsWith('sha256:')) throw fault(at, 'a digest starts with sha256:')
  const wrong = /[^0-9a-f]/.exec(digest.slice(7))
  if (wrong) throw fault(at + 7 + wrong.index, 'a digest has lower-case hex digits')
  throw fault(text.length, `a sha256 digest has 64 hex digits, not ${digest.length - 7}`)
}

/** Some people write a password into it, as into a URL: all from the first colon to the last @ that no digest follows. */
const PASSWORD = /^([^/@:]*:).*(?=@(?!sha|[a-z\d]+:[\da-f]{8}))/s

function referenceFault(text: string, at: number, why: string): HeadstartError {
  const whole = text.replace(PASSWORD, '$1***')
  const shown = JSON.stringify(whole.length > 300 ? `${whole.slice(0, 300)}…` : whole)
  const character = text.slice(at, at + 1)
  const place = character === '' ? 'at its end' : `at position ${at + 1}, ${JSON.stringify(character)}`
  return new HeadstartError('E_REFERENCE', `${shown} is not a valid image reference: ${place}: ${why}`)
}

/** Everything spelled out: `docker.io/library/alpine:3.20@sha256:…` */
export const formatReference = (reference: Reference): string =>
  `${reference.host}/${reference.repository}${suffix(reference)}`

/** As Docker shows it: without docker.io and library/. */
export function familiarName(reference: Reference): string {
  const name =
    reference.host === DEFAULT_HOST
      ? reference.repository.replace(/^library\/(?=[^/]+$)/, '')
      : `${reference.host}/${reference.repository}`
  return name + suffix(reference)
}

const suffix = ({ tag, digest }: Reference): string => `${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`
